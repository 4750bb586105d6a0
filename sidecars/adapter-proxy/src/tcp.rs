//! Bytes from one side to the other, whatever they mean.

use crate::cluster::{Cluster, Failure};
use crate::stream::Stream;
use std::rc::Rc;
use tokio::io::copy_bidirectional;

/// Serves one connection of the app's, from its first byte to its last.
pub async fn serve(client: Stream, cluster: Rc<Cluster>) {
    let mut tried = vec![];
    while let Ok(mut attempt) = cluster.wait(&tried).await {
        match attempt.endpoint().connect(cluster.connect_timeout()).await {
            Ok(upstream) => {
                attempt.succeeded();
                relay(client, upstream).await;
                return;
            }
            Err(_) => attempt.failed(Failure::Connect),
        }
        tried.push(attempt.endpoint().clone());
    }
}

async fn relay(client: Stream, upstream: Stream) {
    // How it ends is nothing that could be told to anybody.
    let _ = match (client, upstream) {
        (Stream::Tcp(mut one), Stream::Tcp(mut other)) => copy_bidirectional(&mut one, &mut other).await,
        (Stream::Tcp(mut one), Stream::Unix(mut other)) => copy_bidirectional(&mut one, &mut other).await,
        (Stream::Unix(mut one), Stream::Tcp(mut other)) => copy_bidirectional(&mut one, &mut other).await,
        (Stream::Unix(mut one), Stream::Unix(mut other)) => copy_bidirectional(&mut one, &mut other).await,
    };
}
