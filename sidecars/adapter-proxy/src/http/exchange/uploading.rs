//! What is left of a request while its answer is on its way already.

use super::super::client::Client;
use super::super::pump::{Broken, Pump};
use super::Exchange;
use crate::stream::Stream;
use std::io::ErrorKind;
use std::task::{Context, Poll};

/// Whatever ends it, the answer that is there goes on.
#[derive(Clone, Copy)]
pub enum Uploading {
    /// There is nothing more to send, or nobody who takes it
    Over,
    /// The upstream is to take something
    Going,
    /// The client is to send something
    Awaited,
    /// What the client sent was no body, or it has gone
    Failed,
}

impl Exchange<'_> {
    pub fn uploading(&self) -> Uploading {
        if self.is_uploading() && !self.cut_short { Uploading::Going } else { Uploading::Over }
    }
}

impl Uploading {
    /// Sends on what there is.
    pub fn poll(self, context: &mut Context, upload: &mut Pump, client: &mut Client, upstream: &Stream) -> Self {
        if self.is_over() {
            return self;
        }
        match upload.poll(context, (&client.stream, &mut client.input), upstream) {
            Poll::Pending if upload.is_hungry(&client.input) => Self::Awaited,
            Poll::Pending => Self::Going,
            Poll::Ready(Ok(()) | Err(Broken::Sink(_))) => Self::Over,
            Poll::Ready(Err(_)) => Self::Failed,
        }
    }

    /// Whether nothing more is read of the client.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Over | Self::Failed)
    }

    /// What it means when the upstream sends nothing for too long: `None` that it has itself to blame, and not a client
    /// that keeps back what it waits for.
    pub fn owed(self) -> Option<Broken> {
        let is_clients = matches!(self, Self::Awaited | Self::Failed);
        is_clients.then(|| Broken::Sink(ErrorKind::TimedOut.into()))
    }
}
