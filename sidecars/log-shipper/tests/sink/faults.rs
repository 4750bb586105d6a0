//! Whatever goes wrong, the same events are sent again until they are stored.

use crate::server::{Server, Step, half_an_answer, raw, status, stored};
use crate::{batch, deliver, sink};
use log_shipper::sink::counters::Outcome;
use serde_json::json;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::time::timeout;

/// A port of loopback that is never listened on: it takes root, and nobody wants tcpmux.
pub const NOBODY: &str = "http://127.0.0.1:1";

/// The first request meets the fault, the second one is stored.
async fn recovers(fault: Step, outcome: Outcome) {
    let timeout = if outcome == Outcome::TimedOut { "500ms" } else { "10s" };
    let mut server = Server::start([fault, stored()]).await;
    let sink = sink(&server.url, &json!({"timeout": timeout}));
    deliver(&sink, batch(["one", "two"])).await;
    let (first, second) = (server.request().await, server.request().await);
    assert_eq!(first.body, second.body);
    assert!(server.no_more_requests());
    assert_eq!(sink.counters().requests(outcome), 1, "{outcome:?}");
    assert_eq!(sink.counters().requests(Outcome::Answered), 1);
    assert!(sink.counters().dead_letters().is_empty());
}

#[tokio::test]
async fn connections_that_end_too_early() {
    recovers(Step::Reset, Outcome::Broken).await;
    recovers(raw(""), Outcome::Broken).await;
    recovers(raw("HTTP/1.1 200 OK\r\ncontent-le"), Outcome::Broken).await;
    recovers(half_an_answer(), Outcome::Broken).await;
    recovers(raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"ite"), Outcome::Broken).await;
    // Without a length, the end of the connection is the end of the body.
    recovers(raw("HTTP/1.1 200 OK\r\n\r\n{\"items\":["), Outcome::Nonsense).await;
}

#[tokio::test]
async fn rubbish() {
    recovers(raw("SSH-2.0-OpenSSH_9.2\r\n"), Outcome::Nonsense).await;
    recovers(status("200 OK", "", ""), Outcome::Nonsense).await;
    recovers(status("200 OK", "", "<html>It works!</html>"), Outcome::Nonsense).await;
    recovers(status("200 OK", "", r#"{"items":[]}"#), Outcome::Nonsense).await;
    recovers(status("200 OK", "", r#"{"items":[{"create":{"status":201}}]}"#), Outcome::Nonsense).await;
    recovers(status("200 OK", "", r#"{"items":[{"create":{"status":201}},{"create":{}}]}"#), Outcome::Nonsense).await;
    recovers(status("201 Created", "", r#"{"items":[]}"#), Outcome::Refused).await;
}

#[tokio::test]
async fn statuses() {
    for (line, headers, outcome) in [
        ("302 Found", "location: https://elsewhere/\r\n", Outcome::Refused),
        ("400 Bad Request", "", Outcome::Refused),
        ("401 Unauthorized", "", Outcome::Unauthorized),
        ("403 Forbidden", "", Outcome::Unauthorized),
        ("404 Not Found", "", Outcome::Refused),
        ("429 Too Many Requests", "", Outcome::Busy),
        ("500 Internal Server Error", "", Outcome::Refused),
        ("502 Bad Gateway", "content-type: text/html\r\n", Outcome::Refused),
        ("503 Service Unavailable", "retry-after: 0\r\n", Outcome::Busy),
    ] {
        recovers(status(line, headers, r#"{"error":{"type":"x","reason":"y"},"status":0}"#), outcome).await;
    }
}

#[tokio::test]
async fn servers_that_never_come_to_an_end() {
    recovers(Step::Never, Outcome::TimedOut).await;
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    recovers(Step::Endless(answer, "1\r\n \r\n"), Outcome::TimedOut).await;
    let items = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{\"items\":\r\n1\r\n[\r\n";
    recovers(Step::Endless(items, "1a\r\n{\"create\":{\"status\":201}},\r\n"), Outcome::Nonsense).await;
    recovers(Step::Endless(answer, "a\r\n{\"skipped\"\r\n"), Outcome::Nonsense).await;
    recovers(Step::Endless("HTTP/1.1 200 OK\r\n", "x: y\r\n"), Outcome::Nonsense).await;
}

#[tokio::test]
async fn a_sink_that_is_down_and_comes_back() {
    // Nobody listens there yet, and nobody else can.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    let sink = sink(&format!("http://{address}"), &json!({}));
    let comes_back = async {
        // It has been tried, more than once.
        while sink.counters().requests(Outcome::Unreachable) < 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(sink.counters().in_flight.get(), 1);
        assert!(sink.counters().up().is_some_and(|(up, _)| !up));
        let mut server = Server::on(socket.listen(16).unwrap(), None, [stored()]);
        server.request().await.lines()[1]["message"].clone()
    };
    let ((), message) = tokio::join!(deliver(&sink, batch(["one"])), comes_back);
    assert_eq!(message, "one");
    assert!(sink.counters().up().is_some_and(|(up, _)| up));
}

#[tokio::test]
async fn what_is_given_up_halfway_leaves_nothing_behind() {
    let mut server = Server::start([Step::Never, stored()]).await;
    let sink = sink(&server.url, &json!({}));
    let waits = sink.deliver(batch(["one"]));
    let given_up = async {
        tokio::select! {
            _ = waits => panic!("there is no answer"),
            request = server.request() => request.connection,
        }
    };
    assert_eq!(timeout(Duration::from_secs(20), given_up).await.unwrap(), 0);
    assert_eq!(sink.counters().in_flight.get(), 0);
    deliver(&sink, batch(["two"])).await;
    assert_eq!(server.request().await.connection, 1);
}
