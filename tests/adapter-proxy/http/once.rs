//! What an endpoint has read is not sent to another one, however its connection ends.

use e2e::proxy::break_off;
use e2e::proxy::http::Proxy;
use e2e::proxy::{accept, listen};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";

/// What the client gets of a POST that a server reads, and then ends in this way at once; nobody else is asked.
fn ended(interim: &str, ends: impl FnOnce(TcpStream)) -> String {
    let (one, other) = (listen(), listen());
    for (listener, _) in [&one, &other] {
        listener.set_nonblocking(true).unwrap();
    }
    let proxy = Proxy::start(&[one.1, other.1], "");
    let mut client = proxy.client();
    client.send(POST);
    let mut taken = None;
    e2e::process::until("one of them has it", || {
        taken = [&one.0, &other.0].into_iter().find_map(|listener| listener.accept().ok());
        taken.is_some()
    });
    let (mut server, _) = taken.unwrap();
    server.set_nonblocking(false).unwrap();
    let mut request = String::new();
    while !request.ends_with("body") {
        let mut piece = [0; 1024];
        let count = server.read(&mut piece).unwrap();
        request.push_str(std::str::from_utf8(&piece[..count]).unwrap());
    }
    server.write_all(interim.as_bytes()).unwrap();
    if !interim.is_empty() {
        assert_eq!(client.answer().status, 103);
    }
    proxy.sidecar.stopped(|| ends(server));
    let answer = client.answer();
    assert_eq!((answer.status, answer.body.as_str()), (502, "connection-broken\n"));
    for (listener, _) in [&one, &other] {
        assert!(listener.accept().is_err(), "nobody else has it");
    }
    proxy.sidecar.finish();
    request
}

/// The end of its side, and then a reset: of a server that has not read anything it would look nearly the same.
#[test]
fn a_post_whose_server_ends_and_breaks_off() {
    for interim in ["", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"] {
        let request = ended(interim, |server| {
            server.shutdown(Shutdown::Write).unwrap();
            break_off(server);
        });
        assert_eq!(request.matches("POST / HTTP/1.1").count(), 1);
    }
}

/// And of one that has said something meanwhile, and reads no more: what was sent is known to be there.
#[test]
fn a_post_whose_server_ends() {
    ended("", drop);
    ended("HTTP/1.1 103 Early Hints\r\n\r\n", drop);
}

/// A connection that was closed before it could be used: whoever may be asked again is.
#[test]
fn a_post_that_came_too_late() {
    let (listener, address) = listen();
    let proxy = Proxy::start(&[address], "");
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut server = accept(&listener);
    assert!(server.read(&mut [0; 1024]).unwrap() > 0);
    server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!(client.answer().status, 200);
    // Both are there when it looks next: it may see either of them first.
    proxy.sidecar.stopped(|| {
        client.send(POST);
        drop(server);
    });
    let mut server = accept(&listener);
    assert!(server.read(&mut [0; 1024]).unwrap() > 0);
    server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!(client.answer().status, 200);
    proxy.sidecar.finish();
}
