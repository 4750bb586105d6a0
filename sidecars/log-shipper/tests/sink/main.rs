//! The sink against a server that does all that servers do.

mod faults;
mod items;
mod letters;
mod server;
mod tls;
mod usual;

use log_shipper::batch::Batch;
use log_shipper::config::Output;
use log_shipper::sink::Sink;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// For one URL, with what else is to be configured.
fn sink(url: &str, more: &Value) -> Sink {
    sink_with_state(&[url], more, None)
}

fn sink_with_state(urls: &[&str], more: &Value, state: Option<&Path>) -> Sink {
    let mut config = json!({"urls": urls, "timeout": "10s", "dead-letter": "discard"});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Sink::new(&output(&config), state).unwrap()
}

fn output(config: &Value) -> Output {
    serde_json::from_value(json!({"elasticsearch": config})).unwrap()
}

/// An item for each of these messages, as the encoder writes it.
fn batch<M: AsRef<str>>(messages: impl IntoIterator<Item = M>) -> Batch {
    let mut batch = Batch::default();
    for (place, message) in messages.into_iter().enumerate() {
        let message = message.as_ref();
        let item = format!("{{\"create\":{{\"_id\":\"id{place}\"}}}}\n{{\"message\":\"{message}\"}}\n");
        batch.body.extend_from_slice(item.as_bytes());
        batch.seal();
    }
    batch.reached(1, 1000);
    batch
}

/// All is answered for, and what the batch says of files is as it was.
async fn deliver(sink: &Sink, batch: Batch) {
    let delivered = timeout(Duration::from_secs(20), sink.deliver(batch)).await.expect("delivered in time").unwrap();
    assert!(delivered.is_empty() && delivered.body.is_empty());
    assert_eq!(delivered.reach, [(1, 1000)]);
}
