//! Answers of every kind, and bodies in both directions.

use e2e::process::until;
use e2e::proxy::http::{Backend, Proxy};
use e2e::proxy::unacknowledged;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::{Arc, Barrier};
use std::thread;

/// What a client gets for a request when the upstream answers this, up to the end of the connection.
fn answered(request: &str, answer: &'static str, goes_on: bool) -> String {
    let backend = Backend::start(move |_, stream| stream.write_all(answer.as_bytes()).is_ok() && goes_on);
    let proxy = Proxy::start(&[backend.address], "");
    let answer = proxy.talk(request);
    proxy.sidecar.finish();
    answer
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const OLD: &str = "GET / HTTP/1.0\r\n\r\n";

/// The end of a connection goes with the last of its answer then, and takes nothing of it away.
#[test]
fn answers_that_end_their_connections_all_at_once() {
    const CLIENTS: usize = 32;
    const LONG: usize = 1 << 20;
    let together = Barrier::new(CLIENTS);
    let backend = Backend::start(move |request, stream| {
        let length = if request.head.starts_with("GET /long ") { LONG } else { 1000 };
        together.wait();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all((head + &"x".repeat(length)).as_bytes()).is_ok()
    });
    let proxy = Proxy::start(&[backend.address], "hedge: false");
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (target, length) = if client % 4 == 0 { ("/long", LONG) } else { ("/", 1000) };
            let proxy = &proxy;
            scope.spawn(move || {
                let said = proxy.talk(&GET.replacen('/', target, 1));
                let (head, body) = said.split_once("\r\n\r\n").expect("an answer");
                assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
                assert_eq!(body.len(), length);
            });
        }
    });
    proxy.sidecar.finish();
}

/// Closing a connection with something unread would take back the answer that is on its way.
#[test]
fn a_client_that_says_more_than_it_was_to() {
    let (arrived, answering) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let gates = (arrived.clone(), answering.clone());
    let backend = Backend::start(move |_, stream| {
        gates.0.wait();
        gates.1.wait();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc").is_ok()
    });
    let proxy = Proxy::start(&[backend.address], "hedge: false");
    let mut client = proxy.client();
    client.send(GET);
    arrived.wait();
    client.send("and more");
    until("the proxy's kernel has it", || unacknowledged(client.stream.get_ref()) == 0);
    answering.wait();
    let answer = io::read_to_string(&mut client.stream).expect("an end, and no reset");
    assert_eq!(answer, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
    proxy.sidecar.finish();
}

/// What has no body upstream, and might have one as what the client gets: it is told that there is none.
#[test]
fn what_a_route_makes_of_answers_without_a_body() {
    let backend = Backend::start(|request, stream| {
        let answer = match request.head.split(' ').nth(1) {
            Some("/204") => "HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n",
            Some("/304") => "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            _ => "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        };
        stream.write_all(answer.as_bytes()).is_ok()
    });
    let routes = "[{name: a, match: {method: GET, path: /head}, request: {method: HEAD}}, {name: b, responses: [{set-status: 200}]}]";
    let proxy = Proxy::of(
        |listen| {
            format!(
                "listeners: [{{listen: '{listen}', protocol: http, cluster: c, routes: {routes}}}]\n\
                 clusters: {{c: {{endpoints: ['{}']}}}}\n",
                backend.address
            )
        },
        |launch| launch,
    );
    for path in ["/204", "/304", "/head"] {
        let said = proxy.talk(&GET.replacen('/', path, 1));
        assert_eq!(said, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "{path}");
    }
    proxy.sidecar.finish();
}

#[test]
fn framing() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n";
    let to_the_end = "HTTP/1.1 200 OK\r\nX: y\r\n\r\nabc";
    for (request, answer, goes_on, expected) in [
        (
            GET,
            "HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\nabc",
            true,
            "HTTP/1.1 200 \r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
        ),
        (
            GET,
            chunked,
            true,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n",
        ),
        (OLD, chunked, true, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc"),
        (
            GET,
            to_the_end,
            false,
            "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ),
        (OLD, to_the_end, false, "HTTP/1.1 200 OK\r\nX: y\r\nConnection: close\r\n\r\nabc"),
        (
            HEAD,
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
            true,
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n",
        ),
        (
            GET,
            "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
            true,
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
        ),
        (
            GET,
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n",
            true,
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\nConnection: close\r\n\r\n",
        ),
        (
            GET,
            "HTTP/1.1 200 OK\r\nConnection: X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nContent-Length: 0\r\n\r\n",
            true,
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ),
        (
            GET,
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            true,
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ),
        (
            OLD,
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            true,
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ),
    ] {
        assert_eq!(answered(request, answer, goes_on), expected, "{request:?}: {answer:?}");
    }
}

#[test]
fn what_follows_an_answer_is_nobodys() {
    let backend = Backend::answering("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    let proxy = Proxy::start(&[backend.address], "");
    let mut client = proxy.client();
    for _ in 0..3 {
        assert_eq!(client.get("/").status, 204);
    }
    let connections: Vec<_> = backend.seen().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [0, 1, 2], "none of them is used again");
    proxy.sidecar.finish();
}

#[test]
fn an_answer_that_breaks_off_is_seen_to() {
    for (answer, request) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", OLD),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX", OLD),
    ] {
        let backend = Backend::start(move |_, stream| {
            let _ = stream.write_all(answer.as_bytes());
            false
        });
        let proxy = Proxy::start(&[backend.address], "");
        let mut client = proxy.client();
        client.send(request);
        let (mut bytes, mut read) = (vec![], [0; 1000]);
        let end = loop {
            match client.stream.read(&mut read) {
                Ok(0) => break None,
                Ok(count) => bytes.extend_from_slice(&read[..count]),
                Err(error) => break Some(error.kind()),
            }
        };
        assert_eq!(end, Some(io::ErrorKind::ConnectionReset), "{answer:?}");
        assert!(!bytes.ends_with(b"0\r\n\r\n"));
        proxy.sidecar.until_said("its answer was cut off");
        proxy.sidecar.finish();
    }
}

#[test]
fn large_bodies_go_through_in_both_directions() {
    let backend = Backend::start(|request, stream| {
        let answer = request.body.repeat(2);
        let head = if request.head.contains("chunked") {
            "Connection: close".into()
        } else {
            format!("Content-Length: {}", answer.len())
        };
        write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n\r\n{answer}").is_ok() && head != "Connection: close"
    });
    let proxy = Proxy::start(&[backend.address], "");
    let text: String = ('a'..='w').cycle().take(500_000).collect();
    let mut client = proxy.client();
    for _ in 0..3 {
        client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{text}", text.len()));
        let answer = client.answer();
        assert!(answer.body == text.repeat(2), "{} bytes", answer.body.len());
    }
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for chunk in text.as_bytes().chunks(70_001) {
        client.send(&format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)));
    }
    client.send("0\r\n\r\n");
    let answer = client.answer();
    let data: String = answer.body.lines().filter(|line| line.len() > 8).collect();
    assert!(data == text.repeat(2), "{} bytes", data.len());
    proxy.sidecar.finish();
}

/// A server that answers nothing but what it is told, when it is told.
#[test]
fn nobody_has_to_hold_what_the_other_does_not_take() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = Proxy::start(&[listener.local_addr().expect("a port")], "");
    let client = proxy.client();
    let mut stream = client.stream.into_inner();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the proxy reads");
    let (mut upstream, _) = listener.accept().expect("the proxy connects");
    // Closing with something unread would take back what is on its way.
    let request = upstream.read(&mut [0; 1024]).expect("the proxy writes");
    assert!(request > 0);
    let size = 64 << 20;
    write!(upstream, "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").expect("the proxy reads");
    upstream.set_nonblocking(true).expect("a socket");
    // As much as it takes while the client reads nothing: buffers of sockets, and one of the proxy's.
    let (mut sent, mut refused, piece) = (0, 0, vec![b'x'; 65536]);
    until("nothing more is taken", || {
        match upstream.write(&piece) {
            Ok(count) => (sent, refused) = (sent + count, 0),
            Err(_) => refused += 1,
        }
        refused > 300
    });
    assert!(sent < size / 2, "{sent} bytes were taken");
    assert!(proxy.sidecar.peak() < 8 << 10, "{} kB", proxy.sidecar.peak());
    upstream.set_nonblocking(false).expect("a socket");
    let rest = thread::spawn(move || upstream.write_all(&vec![b'x'; size - sent]));
    let mut received = 0;
    let mut buffer = vec![0; 65536];
    while received < size {
        received += stream.read(&mut buffer).expect("the answer goes on");
    }
    rest.join().expect("a thread").expect("all of it was taken");
    proxy.sidecar.finish();
}

#[test]
fn an_early_answer_ends_the_request() {
    let early = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno";
    let backend = Backend::start(move |_, stream| {
        let _ = stream.write_all(early.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
        // It reads no more of it, but closing with something unread would take back what it said.
        let _ = stream.read_to_end(&mut vec![]);
        false
    });
    let proxy = Proxy::start(&[backend.address], "");
    let mut client = proxy.client();
    client.send(&format!(
        "POST / HTTP/1.1\r\nHost: a\r\nX-Early: 1\r\nContent-Length: {}\r\n\r\n{}",
        1 << 30,
        "x".repeat(1 << 16)
    ));
    let answer = client.answer();
    assert_eq!((answer.status, answer.body.as_str()), (413, "no"));
    assert!(answer.head.contains("\r\nConnection: close\r\n"), "{answer:?}");
    proxy.sidecar.finish();
}

#[test]
fn who_expects_100_gets_it_from_the_upstream() {
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let proxy = Proxy::start(&[backend.address], "");
    let mut client = proxy.client();
    for _ in 0..2 {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        assert_eq!(client.answer().head, "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("hello");
        assert_eq!(client.answer().body, "ok");
    }
    assert_eq!(backend.seen()[1].body, "hello");
    proxy.sidecar.finish();
}

#[test]
fn an_upgrade_makes_it_bytes() {
    let backend = Backend::start(|request, stream| {
        assert!(request.head.contains("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"), "{request:?}");
        let _ = stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfirst");
        // What the proxy relays comes in pieces as it likes.
        let mut bytes = [0; 8];
        let _ = stream.read_exact(&mut bytes);
        let _ = stream.write_all(&bytes);
        let mut rest = vec![];
        let _ = stream.read_to_end(&mut rest);
        let _ = stream.write_all(&rest);
        false
    });
    let proxy = Proxy::start(&[backend.address], "");
    let mut client = proxy.client();
    client.send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n\0\x01\x02\x03\r\n\r\n");
    let answer = client.answer();
    assert_eq!(answer.status, 101);
    assert!(answer.head.contains("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"), "{answer:?}");
    let mut bytes = [0; 13];
    client.stream.read_exact(&mut bytes).expect("bytes");
    assert_eq!(&bytes, b"first\0\x01\x02\x03\r\n\r\n");
    client.send("the rest");
    client.stream.get_ref().shutdown(Shutdown::Write).expect("a socket");
    assert_eq!(client.rest(), "the rest", "also after one side has closed");
    proxy.sidecar.finish();
}
