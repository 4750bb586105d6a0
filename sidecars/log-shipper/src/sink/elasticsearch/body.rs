//! The body of a request, which stays where it was encoded.

use hyper::body::{Body, Buf, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The beginning of a shared buffer. Whoever lent it has it alone again once this and its clones are dropped.
#[derive(Clone)]
pub struct Payload {
    bytes: Arc<Vec<u8>>,
    start: usize,
    end: usize,
}

impl Payload {
    /// The first `length` bytes.
    pub fn new(bytes: Arc<Vec<u8>>, length: usize) -> Self {
        let end = length.min(bytes.len());
        Self { bytes, start: 0, end }
    }
}

impl Buf for Payload {
    fn remaining(&self) -> usize {
        self.end - self.start
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn advance(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }
}

/// A payload on its way, in one piece.
pub struct Whole(Option<Payload>);

impl Whole {
    pub fn new(payload: Payload) -> Self {
        Self(Some(payload))
    }
}

impl Body for Whole {
    type Data = Payload;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context) -> Poll<Option<Result<Frame<Payload>, Infallible>>> {
        Poll::Ready(self.0.take().map(|payload| Ok(Frame::data(payload))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |payload| payload.remaining() as u64))
    }
}
