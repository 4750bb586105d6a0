//! Answers of which each item says something else, and requests that are too large.

use crate::server::{Server, Step, at_most, items, status, stored};
use crate::{batch, deliver, sink};
use log_shipper::sink::counters::Outcome;
use serde_json::json;

#[tokio::test]
async fn only_what_failed_is_sent_again() {
    let mut server = Server::start([items(&[201, 429, 201, 503, 409]), items(&[429, 201]), items(&[201])]).await;
    let sink = sink(&server.url, &json!({}));
    deliver(&sink, batch(["a", "b", "c", "d", "e"])).await;
    let messages = |lines: Vec<serde_json::Value>| -> Vec<String> {
        lines.iter().filter_map(|line| Some(line["message"].as_str()?.to_owned())).collect()
    };
    assert_eq!(messages(server.request().await.lines()), ["a", "b", "c", "d", "e"]);
    let again = server.request().await.lines();
    assert_eq!((&again[0]["create"]["_id"], &again[2]["create"]["_id"]), (&json!("id1"), &json!("id3")));
    assert_eq!(messages(again), ["b", "d"]);
    assert_eq!(messages(server.request().await.lines()), ["b"]);
    assert_eq!(sink.counters().retried.get(), 3);
    assert!(sink.counters().dead_letters().is_empty());
}

#[tokio::test]
async fn one_that_is_refused_does_not_hold_up_the_others() {
    let mut server = Server::start([items(&[400, 201, 429]), items(&[201])]).await;
    let sink = sink(&server.url, &json!({}));
    deliver(&sink, batch(["a", "b", "c"])).await;
    server.request().await;
    assert_eq!(server.request().await.lines()[1]["message"], "c");
    assert_eq!(sink.counters().dead_letters()["error_400"], 1);
    assert_eq!(sink.counters().dropped.get(), 1);
}

#[tokio::test]
async fn without_ids_of_our_own_a_conflict_is_not_ours() {
    let server = Server::start([items(&[409])]).await;
    let sink = sink(&server.url, &json!({"id": "none"}));
    deliver(&sink, batch(["a"])).await;
    assert_eq!(sink.counters().dead_letters()["error_409"], 1);
}

#[tokio::test]
async fn too_large_requests_are_halved_and_the_next_ones_are_smaller() {
    let mut server = Server::start([at_most(1000)]).await;
    let sink = sink(&server.url, &json!({}));
    let messages: Vec<_> = (0..100).map(|number| format!("{number:050}")).collect();
    deliver(&sink, batch(&messages)).await;
    assert!((500..=1000).contains(&sink.batch_limit()), "{}", sink.batch_limit());
    let refused = sink.counters().requests(Outcome::TooLarge);
    assert!(refused < 10, "{refused}");
    let mut stored = vec![];
    for _ in 0..refused + sink.counters().requests(Outcome::Answered) {
        let request = server.request().await;
        if request.body.len() <= 1000 {
            stored.extend(request.lines().iter().filter_map(|line| Some(line["message"].as_str()?.to_owned())));
        }
    }
    assert_eq!(stored, messages);
}

#[tokio::test]
async fn one_that_is_too_large_alone_is_a_dead_letter() {
    let server = Server::start([at_most(1000)]).await;
    let sink = sink(&server.url, &json!({}));
    deliver(&sink, batch(["a".into(), "b".repeat(2000), "c".into()])).await;
    assert_eq!(sink.counters().dead_letters()["request_entity_too_large"], 1);
    assert_eq!(sink.counters().dropped.get(), 1);
}

/// What it says is in the socket when the connection is reset, with megabytes that cannot be written any more.
#[tokio::test]
async fn a_server_that_hangs_up_on_a_large_request_is_heard() {
    let refusal = "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let server = Server::start([Step::Interrupt(refusal), stored()]).await;
    let sink = sink(&server.url, &json!({"batch": "16MiB"}));
    deliver(&sink, batch(vec!["x".repeat(1000); 16_000])).await;
    assert_eq!(sink.counters().requests(Outcome::TooLarge), 1);
    assert_eq!(sink.counters().requests(Outcome::Broken), 0);
}

/// One that cannot even be heard: it is guessed what it does not like.
#[tokio::test]
async fn a_server_that_hangs_up_without_a_word_is_sent_less() {
    let mut server = Server::start([Step::Reset, Step::Reset, Step::Reset, stored()]).await;
    let sink = sink(&server.url, &json!({"batch": "1MiB"}));
    deliver(&sink, batch(vec!["x".repeat(1000); 200])).await;
    let mut sizes = vec![];
    for _ in 0..5 {
        sizes.push(server.request().await.body.len());
    }
    assert!(sizes[..3].iter().all(|size| *size > 200_000), "{sizes:?}");
    assert!(sizes[3..].iter().all(|size| *size < 110_000), "{sizes:?}");
    assert_eq!(sink.batch_limit(), 1 << 20);
}

#[tokio::test]
async fn a_sink_with_no_room_at_all_says_how_long() {
    let mut server = Server::start([
        status("429 Too Many Requests", "retry-after: 1\r\n", ""),
        items(&[429, 429]),
        status("503 Service Unavailable", "", "no backend"),
        stored(),
    ])
    .await;
    let sink = sink(&server.url, &json!({}));
    deliver(&sink, batch(["a", "b"])).await;
    // The connection that brought the refusals is good for more.
    for _ in 0..4 {
        assert_eq!(server.request().await.connection / 2, 0);
    }
    assert_eq!(sink.counters().requests(Outcome::Busy), 2);
    assert_eq!(sink.counters().retried.get(), 2);
}
