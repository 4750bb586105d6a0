//! Bytes from one side to the other, whatever they mean.

mod pipes;
mod pump;
mod relay;
mod side;

pub use pump::Shared;

use crate::cluster::{Cluster, Failure, Try};
use crate::stream::{Stream, is_own_fault};
use crate::traffic::Connection;
use relay::Relay;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::Interest;

/// Serves one connection of the app's, from its first byte to its last.
pub async fn serve(
    client: Stream,
    connection: Connection,
    cluster: Rc<Cluster>,
    idle_timeout: Duration,
    shared: Rc<Shared>,
) {
    let connected = tokio::select! {
        biased;
        connected = connect(&cluster, &connection) => connected,
        _ = client.ready(Interest::ERROR) => return, // it does not want it any more
    };
    match connected {
        // The endpoint counts it as its load, also after it has left the cluster, for as long as it lasts.
        Some((upstream, _load)) => {
            connection.touch();
            Relay::new(client, upstream, &connection, idle_timeout).run(&shared).await;
        }
        // As if the endpoint itself refused it
        None => client.reset(),
    }
}

/// A connection to one of the endpoints: each is given the connect timeout, and none is asked twice.
async fn connect(cluster: &Cluster, connection: &Connection) -> Option<(Stream, Try)> {
    let traffic = connection.traffic();
    let mut tried = vec![];
    loop {
        let mut attempt = match cluster.wait(&tried).await {
            Ok(attempt) => attempt,
            Err(why) => {
                traffic.refused.set(traffic.refused.get() + 1);
                let (listener, name) = (&traffic.listener, &cluster.name);
                let said = format_args!("a connection to {listener} is refused: cluster {name}: {why}");
                traffic.complaints.say("refused", name, said);
                return None;
            }
        };
        let endpoint = attempt.endpoint().clone();
        let error = match endpoint.connect(cluster.connect_timeout()).await {
            Ok(upstream) => {
                attempt.succeeded();
                return Some((upstream, attempt));
            }
            Err(error) => error,
        };
        if is_own_fault(&error) {
            attempt.came_to_nothing();
        } else {
            let timed_out = error.kind() == ErrorKind::TimedOut;
            attempt.failed(if timed_out { Failure::Timeout } else { Failure::Connect });
        }
        traffic.connect_failures.set(traffic.connect_failures.get() + 1);
        let said = format_args!("cluster {}: cannot connect to {endpoint}: {error}", cluster.name);
        traffic.complaints.say("connect", &endpoint.name, said);
        tried.push(endpoint);
    }
}
