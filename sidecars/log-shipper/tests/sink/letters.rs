//! What the sink will never take.

use crate::server::{Server, items, stored};
use crate::{batch, deliver, sink_with_state};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn letters(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn they_are_in_the_state_directory_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start([items(&[201, 400, 201, 404]), items(&[400])]).await;
    let config = json!({"dead-letter": "state"});
    let sink = sink_with_state(&[&server.url], &config, Some(directory.path()));
    deliver(&sink, batch(["a", "b", "c", "d"])).await;
    deliver(&sink, batch(["e"])).await;
    let letters = letters(&directory.path().join("dead-letters.ndjson"));
    let messages: Vec<_> = letters.iter().map(|letter| letter["document"]["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["b", "d", "e"]);
    assert_eq!(letters[1]["reason"], json!({"type": "error_404", "reason": "it is so"}));
    assert_eq!((&letters[1]["status"], &letters[1]["index"]), (&json!(404), &json!("logs-app-default")));
    assert!(letters[1]["@timestamp"].as_str().unwrap().starts_with("20"));
    let counted = sink.counters().dead_letters();
    assert_eq!((counted["error_400"], counted["error_404"]), (2, 1));
    assert_eq!(sink.counters().dropped.get(), 0);
}

#[tokio::test]
async fn nothing_is_given_up_before_there_is_a_place_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("not/yet/letters");
    let mut server = Server::start([items(&[400])]).await;
    let sink = sink_with_state(&[&server.url], &json!({"dead-letter": {"file": &place}}), None);
    let make_place = async {
        server.request().await;
        // It has been answered, and the batch has not come back.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(sink.counters().dead_letters().is_empty());
        assert_eq!(sink.counters().in_flight.get(), 1);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
    };
    tokio::join!(deliver(&sink, batch(["a"])), make_place);
    assert_eq!(letters(&place).len(), 1);
    assert_eq!(sink.counters().dead_letters()["error_400"], 1);
}

#[tokio::test]
async fn they_go_to_another_index_as_text() {
    let mut server = Server::start([items(&[400, 201, 400]), stored()]).await;
    let sink = sink_with_state(&[&server.url], &json!({"dead-letter": {"index": "dead letters"}}), None);
    deliver(&sink, batch(["a", "b", "c"])).await;
    server.request().await;
    let request = server.request().await;
    assert!(request.head.starts_with("POST /dead%20letters/_bulk?"), "{}", request.head);
    let lines = request.lines();
    assert_eq!((&lines[0], &lines[2]), (&json!({"create": {"_id": "id0"}}), &json!({"create": {"_id": "id2"}})));
    assert_eq!(lines[3]["original"], "{\"message\":\"c\"}");
    assert_eq!(lines[3]["reason"]["type"], "error_400");
    assert_eq!(sink.counters().dropped.get(), 0);
}

#[tokio::test]
async fn those_that_are_refused_there_too_are_counted() {
    let server = Server::start([items(&[400, 400]), items(&[429, 400]), stored()]).await;
    let sink = sink_with_state(&[&server.url], &json!({"dead-letter": {"index": "dead"}}), None);
    deliver(&sink, batch(["a", "b"])).await;
    assert_eq!(sink.counters().dropped.get(), 1);
    let counted = sink.counters().dead_letters();
    assert_eq!((counted["error_400"], counted["dead letter: error_400"]), (2, 1));
}
