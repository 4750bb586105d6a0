//! Bytes from one side to the other, whatever they mean.

use crate::cluster::{Cluster, Failure};
use crate::stream::Stream;
use std::rc::Rc;

/// Serves one connection of the app's, from its first byte to its last.
pub async fn serve(_client: Stream, cluster: Rc<Cluster>) {
    let mut tried = vec![];
    while let Ok(mut attempt) = cluster.choose(&tried) {
        match attempt.endpoint().connect(cluster.connect_timeout()).await {
            Ok(_upstream) => {
                attempt.succeeded();
                return; // TODO(tcp): relay
            }
            Err(_) => attempt.failed(Failure::Connect),
        }
        tried.push(attempt.endpoint().clone());
    }
}
