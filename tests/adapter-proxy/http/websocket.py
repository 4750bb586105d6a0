# An echo, and somebody who talks to it through adapter-proxy: `websocket.py serve` says its port and goes on, `websocket.py
# talk PORT` says what it has seen.
import asyncio
import sys

import websockets

LIMIT = 1 << 24


async def echo(socket, path):
    async for message in socket:
        if message == "leave":
            return await socket.close(4321, path)
        await socket.send(message)


async def serve():
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=LIMIT, subprotocols=["chat"]) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


async def talk(address):
    async with websockets.connect(f"ws://{address}/room?a=b", max_size=LIMIT, subprotocols=["chat"]) as socket:
        extensions = [type(extension).__name__ for extension in socket.extensions]
        for message in ["", "hello", "ü" * 70_000, bytes(range(256)) * 20_000]:
            await socket.send(message)
            assert await socket.recv() == message
        # Both ways at the same time, more than buffers hold
        messages = [bytes([number]) * 100_000 for number in range(100)]
        sending = asyncio.create_task(all_of(socket, messages))
        for message in messages:
            assert await socket.recv() == message
        await sending
        await (await socket.ping())
        await socket.send("leave")
        try:
            await socket.recv()
        except websockets.ConnectionClosed:
            pass
        print(socket.subprotocol, *extensions, socket.close_code, socket.close_reason)


async def all_of(socket, messages):
    for message in messages:
        await socket.send(message)


asyncio.run(serve() if sys.argv[1] == "serve" else talk(sys.argv[2]))
