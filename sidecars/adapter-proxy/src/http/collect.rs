//! A body as a whole, for those who cannot begin before it has ended.

use super::buffer::{Buffer, Bytes};
use super::framing::{Body, Step};
use super::pump::Broken;
use super::timer::Timer;
use crate::stream::Stream;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;

pub struct Collect {
    body: Body,
    /// The most bytes of data that it may have
    most: usize,
    /// What it can come to, in bytes
    longest: usize,
    /// It does not grow where all requests together would hold more, in bytes
    most_held: usize,
    pub data: Bytes,
    ended: bool,
}

impl Collect {
    pub fn new(body: Body, most: usize, most_held: usize) -> Self {
        let declared = if let Body::Length(length) = body { usize::try_from(length).ok() } else { None };
        let longest = declared.map_or(most, |declared| declared.min(most));
        Self { body, most, longest, most_held, data: Bytes::default(), ended: false }
    }

    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Ready when there is more data, or all of it.
    ///
    /// # Errors
    /// Why there will be no end.
    pub fn poll(&mut self, context: &mut Context, source: &Stream, input: &mut Buffer) -> Poll<Result<(), Broken>> {
        let before = self.data.len();
        loop {
            match self.body.step(input.filled()).map_err(Broken::Bad)? {
                Step::Skip(count) => input.consume(count),
                Step::Data(count) => {
                    let count = count.min(self.most.saturating_sub(self.data.len()));
                    if count == 0 {
                        // Of what is there already some may be taken out.
                        let is_more = self.data.len() > before;
                        return Poll::Ready(if is_more { Ok(()) } else { Err(Broken::TooLarge) });
                    }
                    if self.data.capacity() == 0 {
                        self.data = Bytes::take();
                    }
                    if !self.data.grow(count, self.longest, self.most_held) {
                        return Poll::Ready(Err(Broken::Memory));
                    }
                    self.data.extend_from_slice(&input.filled()[..count]);
                    self.body.took(count);
                    input.consume(count);
                }
                Step::End => {
                    self.ended = true;
                    return Poll::Ready(Ok(()));
                }
                Step::More if self.data.len() > before => return Poll::Ready(Ok(())),
                Step::More => match input.read(source) {
                    Ok(0) if matches!(self.body, Body::UntilClose) => {
                        self.ended = true;
                        return Poll::Ready(Ok(()));
                    }
                    Ok(0) => return Poll::Ready(Err(Broken::Source(ErrorKind::UnexpectedEof.into()))),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        ready!(source.poll_read_ready(context)).map_err(Broken::Source)?;
                    }
                    Err(error) => return Poll::Ready(Err(Broken::Source(error))),
                },
            }
        }
    }

    /// Waits for more data, or the end; no longer than `limit`, or it is `None`.
    pub async fn more(
        &mut self,
        (source, input): (&Stream, &mut Buffer),
        timer: &mut Timer,
        limit: Duration,
    ) -> Result<(), Option<Broken>> {
        timer.set(Instant::now() + limit);
        poll_fn(|context| match self.poll(context, source, input) {
            Poll::Ready(result) => Poll::Ready(result.map_err(Some)),
            Poll::Pending => timer.poll(context).map(|()| Err(None)),
        })
        .await
    }
}
