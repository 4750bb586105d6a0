//! What goes over the network when nothing goes wrong.

use crate::server::{Server, stored, stored_and_closed, stored_in_chunks, stored_slowly};
use crate::{batch, deliver, sink, sink_with_state};
use flate2::read::GzDecoder;
use log_shipper::config::Output;
use log_shipper::sink::Sink;
use log_shipper::sink::counters::Outcome;
use serde_json::json;
use std::fs;
use std::io::Read;

const FILTER: &str = "_bulk?filter_path=errors,items.*.status,items.*.error";

#[tokio::test]
async fn one_request() {
    let mut server = Server::start([stored()]).await;
    let sink = sink(&server.url, &json!({"data-stream": "logs-web-prod"}));
    assert_eq!(sink.counters().up(), None);
    deliver(&sink, batch(["one", "two"])).await;
    let request = server.request().await;
    assert!(request.head.starts_with(&format!("POST /logs-web-prod/{FILTER} HTTP/1.1\r\n")), "{}", request.head);
    let host = server.url.strip_prefix("http://").unwrap();
    for (name, value) in [
        ("host", host),
        ("content-type", "application/x-ndjson"),
        ("user-agent", concat!("log-shipper/", env!("CARGO_PKG_VERSION"))),
        ("content-length", &request.body.len().to_string()),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    assert_eq!(request.header("expect"), None);
    assert_eq!(request.body, batch(["one", "two"]).body);
    let counters = sink.counters();
    assert_eq!((counters.batches.get(), counters.events.get()), (1, 2));
    assert_eq!(counters.bytes.get(), request.body.len() as u64);
    assert_eq!((counters.requests(Outcome::Answered), counters.in_flight.get()), (1, 0));
    assert!(counters.up().is_some_and(|(up, _)| up));
}

#[tokio::test]
async fn an_index_that_depends_on_the_time_is_told_by_each_action() {
    let mut server = Server::start([stored()]).await;
    let sink = sink(&(server.url.clone() + "/es/"), &json!({"index": "logs-%Y.%m.%d"}));
    deliver(&sink, batch(["one"])).await;
    assert!(server.request().await.head.starts_with(&format!("POST /es/{FILTER} HTTP/1.1\r\n")));
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let mut server = Server::start([stored(), stored_in_chunks(), stored_slowly(), stored()]).await;
    let sink = sink(&server.url, &json!({}));
    for count in [1000, 10, 20, 5000] {
        deliver(&sink, batch(vec!["x"; count])).await;
        assert_eq!(server.request().await.connection, 0);
    }
}

#[tokio::test]
async fn each_lane_has_its_own_connection() {
    let mut server = Server::start([stored_slowly(), stored_slowly(), stored()]).await;
    let sink = sink(&server.url, &json!({"requests": 2}));
    assert_eq!(sink.lanes(), 2);
    tokio::join!(deliver(&sink, batch(["one"; 50])), deliver(&sink, batch(["two"; 50])));
    let connections = [server.request().await.connection, server.request().await.connection];
    assert!(connections == [0, 1] || connections == [1, 0]);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_is_no_failure() {
    let mut server = Server::start([stored_and_closed()]).await;
    let sink = sink(&server.url, &json!({}));
    for connection in 0..3 {
        deliver(&sink, batch(["one"])).await;
        assert_eq!(server.request().await.connection, connection);
    }
    assert!(server.no_more_requests());
    assert_eq!(sink.counters().requests(Outcome::Broken), 0);
}

#[tokio::test]
async fn compressed() {
    let mut server = Server::start([stored_for_any(3), stored_for_any(3)]).await;
    let messages = ["x".repeat(1000), "y".repeat(1000), "z".repeat(1000)];
    let expected = batch(&messages).body;
    for method in ["gzip", "zstd"] {
        let sink = sink(&server.url, &json!({"compress": method}));
        deliver(&sink, batch(&messages)).await;
        let request = server.request().await;
        assert_eq!(request.header("content-encoding"), Some(method));
        let mut plain = Vec::with_capacity(1 << 20);
        match method {
            "gzip" => _ = GzDecoder::new(&request.body[..]).read_to_end(&mut plain).unwrap(),
            _ => _ = zstd_safe::decompress(&mut plain, &request.body).unwrap(),
        }
        assert_eq!(plain, expected);
        assert!(request.body.len() < 500);
        assert_eq!(sink.counters().bytes.get(), request.body.len() as u64);
    }
}

fn stored_for_any(count: usize) -> crate::server::Step {
    crate::server::items(&[201; 9][..count])
}

#[tokio::test]
async fn the_first_url_that_works_is_stayed_with() {
    let mut server = Server::start([stored()]).await;
    let sink = sink_with_state(&[crate::faults::NOBODY, &server.url], &json!({}), None);
    for _ in 0..3 {
        deliver(&sink, batch(["one"])).await;
        assert_eq!(server.request().await.connection, 0);
    }
    assert_eq!(sink.counters().requests(Outcome::Unreachable), 1);
    assert!(sink.counters().up().is_some_and(|(up, _)| up));
}

#[tokio::test]
async fn credentials() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, "first\n").unwrap();
    let refused = crate::server::status("401 Unauthorized", "", r#"{"error":{"type":"security_exception"}}"#);
    let mut server = Server::start([refused.clone(), refused, stored()]).await;
    let sink = sink(&server.url, &json!({"auth": {"bearer": {"file": &file}}}));
    let change = async {
        assert_eq!(server.request().await.header("authorization"), Some("Bearer first"));
        fs::write(directory.path().join("new"), "second").unwrap();
        fs::rename(directory.path().join("new"), &file).unwrap();
        server.request().await;
        assert_eq!(server.request().await.header("authorization"), Some("Bearer second"));
    };
    tokio::join!(deliver(&sink, batch(["one"])), change);
    assert_eq!(sink.counters().requests(Outcome::Unauthorized), 2);
}

#[test]
fn configurations_that_make_no_sense() {
    let url = "http://localhost";
    for (config, expected) in [
        (json!({"urls": []}), "`urls` is empty"),
        (json!({"urls": ["localhost"]}), "`localhost`"),
        (json!({"urls": [url], "requests": 0}), "`requests` is 0"),
        (json!({"urls": [url], "index": "a", "data-stream": "b"}), "both"),
        (json!({"urls": [url], "tls": {"verify": "ca"}}), "`ca-file`"),
        (json!({"urls": [url], "tls": {"ca-file": "x"}}), "`verify: ca`"),
        (json!({"urls": [url]}), "state directory"),
    ] {
        // What one field says is known when it is read, and what several say together when the sink is made.
        let error = match serde_json::from_value::<Output>(json!({"elasticsearch": config})) {
            Err(error) => error.to_string(),
            Ok(output) => {
                let error = Sink::new(&output, None).err().unwrap();
                assert!(error.is::<chassis::exit::Usage>(), "{error}");
                error.to_string()
            }
        };
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn lanes_can_be_tasks() {
    fn is_send<T: Send>(_: &T) {}
    let sink = sink("http://localhost", &json!({}));
    is_send(&sink.deliver(batch(["one"])));
}
