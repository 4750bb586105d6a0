//! After `101 Switching Protocols`: bytes both ways, each until its end.

use super::buffer::{Buffer, Bytes};
use super::client::Client;
use super::framing::Body;
use super::pump::Pump;
use crate::stream::Stream;
use crate::traffic::{Connection, Way};
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// One direction, whose end is told to the other side.
struct Half {
    pump: Pump,
    open: bool,
}

impl Half {
    fn poll(&mut self, context: &mut Context, source: (&Stream, &mut Buffer), sink: &Stream) -> Result<(), ()> {
        if self.open {
            match self.pump.poll(context, source, sink) {
                Poll::Ready(Ok(())) => {
                    self.open = false;
                    let _ = sink.shut_down(); // who is gone needs not be told
                }
                Poll::Ready(Err(_)) => return Err(()),
                Poll::Pending => {}
            }
        }
        Ok(())
    }
}

/// One side, which is not to take what it has for all when all of it is dropped in the middle.
struct Side<'a> {
    stream: &'a Stream,
    connection: &'a Connection,
}

impl Drop for Side<'_> {
    fn drop(&mut self) {
        if self.connection.is_under_way() {
            self.stream.reset();
        }
    }
}

/// Relays until both have said all, one of them is gone, or nothing has moved for `idle`. `answer` goes first to the
/// client. Returns the bytes that went to the upstream, and to the client.
pub async fn relay(
    client: &mut Client,
    upstream: &Stream,
    input: &mut Buffer,
    answer: Bytes,
    idle: Duration,
) -> (u64, u64) {
    let Client { stream, connection, input: asked, timer, .. } = client;
    let side = Side { stream: upstream, connection };
    let mut up = Half { pump: Pump::new(Body::UntilClose, false, Bytes::default()), open: true };
    let mut down = Half { pump: Pump::new(Body::UntilClose, false, answer), open: true };
    let (mut moved, mut held) = ((0, 0), 0);
    timer.set(Instant::now() + idle);
    let is_broken = poll_fn(|context| {
        let result =
            up.poll(context, (stream, asked), upstream).and_then(|()| down.poll(context, (upstream, input), stream));
        let before = std::mem::replace(&mut moved, (up.pump.bytes, down.pump.bytes));
        if moved != before {
            connection.moved(Way::Up, moved.0 - before.0);
            connection.moved(Way::Down, moved.1 - before.1);
            timer.set(Instant::now() + idle);
        }
        connection.release(held);
        held = usize::from(!up.pump.is_hungry(asked)) + usize::from(!down.pump.is_hungry(input));
        connection.hold(held);
        if result.is_err() || !up.open && !down.open {
            return Poll::Ready(result.is_err());
        }
        // What one of them has not taken is missing there.
        timer.poll(context).map(|()| held > 0)
    })
    .await;
    connection.release(held);
    std::mem::forget(side); // it has ended as it is to
    if is_broken {
        // What one of them has seen as broken off, the other one does, too.
        stream.reset();
        upstream.reset();
    }
    (up.pump.bytes, down.pump.bytes)
}
