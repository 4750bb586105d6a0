//! Both ways of a connection, until both have ended.

use super::pump::{Flow, Pump, Shared, Stopped};
use super::side::Side;
use crate::stream::Stream;
use crate::traffic::{Connection, Way};
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

/// A connection of the app's, and the one that it leads to.
pub struct Relay<'a> {
    client: Side,
    upstream: Side,
    connection: &'a Connection,
    idle_timeout: Duration,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// All has been said, or nothing for long
    Good,
    /// One side broke off
    Broken,
    /// There was none: it is dropped in the middle
    None,
}

impl<'a> Relay<'a> {
    pub fn new(client: Stream, upstream: Stream, connection: &'a Connection, idle_timeout: Duration) -> Self {
        let [client, upstream] = [client, upstream].map(Side::Whole);
        Self { client, upstream, connection, idle_timeout, end: End::None }
    }

    /// Each side may end what it says before the other one does. Who breaks off breaks off the other one, too.
    pub async fn run(mut self, shared: &Shared) {
        let flows = Default::default();
        let stopped = match self.until_it_stops(shared, &flows, true).await {
            Err(Stopped::Much) => {
                self.client.part();
                self.upstream.part();
                self.until_it_stops(shared, &flows, false).await
            }
            stopped => stopped,
        };
        self.end = if stopped.is_ok() { End::Good } else { End::Broken };
    }

    async fn until_it_stops(&self, shared: &Shared, flows: &[Flow; 2], parts: bool) -> Result<(), Stopped> {
        let Self { client, upstream, connection, .. } = self;
        let [up, down] = flows;
        let up = Pump { from: client, to: upstream, way: Way::Up, flow: up, parts, connection, shared };
        let down = Pump { from: upstream, to: client, way: Way::Down, flow: down, parts, connection, shared };
        tokio::select! {
            biased;
            ended = async { tokio::try_join!(up.run(), down.run()) } => ended.map(|_| ()),
            // A reset that finds nobody who reads: that way is over, or waits for the other side.
            () = client.broken() => Err(Stopped::Broken),
            () = upstream.broken() => Err(Stopped::Broken),
            () = self.idle() => if connection.holds() { Err(Stopped::Broken) } else { Ok(()) },
        }
    }

    /// Resolves when nothing has moved for the idle timeout.
    async fn idle(&self) {
        loop {
            let Some(due) = self.connection.last().checked_add(self.idle_timeout) else {
                return std::future::pending().await; // clocks end somewhere
            };
            if due <= Instant::now() {
                return;
            }
            sleep_until(due.into()).await;
        }
    }
}

impl Drop for Relay<'_> {
    /// Where something is missing the sides are told so: an end would say that this was all.
    fn drop(&mut self) {
        let missing = match self.end {
            End::Good => false,
            End::Broken => true,
            End::None => self.connection.is_under_way(),
        };
        if missing {
            self.client.reset();
            self.upstream.reset();
        }
    }
}
