//! What is heard of the client until it has an answer: the rest of its request, or that it has gone.

use super::super::attempt::Attempt;
use super::super::pump::Broken;
use super::super::refusal::MEMORY;
use super::uploading::Uploading;
use super::{Event, Exchange, Refusal};
use crate::traffic::Way;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::Interest;
use tokio::time::Instant;

/// Whether the client has gone is looked at only when there is no answer by then, which spares most of them that.
pub const SOON: Duration = Duration::from_millis(10);

/// While its answer is on its way, only when nothing has moved for so long.
const QUIET: Duration = Duration::from_secs(1);

impl Exchange<'_> {
    pub fn poll_heard(&mut self, context: &mut Context) -> Poll<Event> {
        if self.is_uploading() {
            let heard = self.poll_upload(context);
            if heard.is_ready() || self.is_uploading() {
                return heard;
            }
            self.asked = Instant::now();
        }
        self.poll_client(context)
    }

    /// Whether the upstream has all that the client has sent, and the client knows that more is wanted.
    pub fn is_waiting_for_client(&self) -> bool {
        let Some(upload) = self.upload.as_ref().filter(|upload| !upload.has_ended()) else { return false };
        let has_head = |attempt: &Attempt| attempt.sent == self.head.len() && !attempt.is_broken();
        let waits_itself = self.request.expects && self.interim == 0 && upload.data == 0;
        self.attempts.first().is_some_and(has_head) && upload.is_hungry(&self.client.input) && !waits_itself
    }

    /// Sends on what the client sends, as long as somebody takes it.
    fn poll_upload(&mut self, context: &mut Context) -> Poll<Event> {
        let (Some(upload), Some(attempt)) = (&mut self.upload, self.attempts.first_mut()) else { return Poll::Pending };
        if attempt.sent < self.head.len() || attempt.is_broken() {
            return Poll::Pending;
        }
        let Some(stream) = attempt.stream() else { return Poll::Pending };
        let before = (upload.bytes, upload.data);
        let polled = upload.poll(context, (&self.client.stream, &mut self.client.input), stream);
        self.client.connection.moved(Way::Up, upload.data - before.1);
        if upload.bytes != before.0 || upload.has_ended() {
            // Its time begins when it has all of the request; until then it is the client's.
            let (now, settings) = (Instant::now(), self.settings);
            let whole = settings.request_timeout;
            (attempt.deadline, self.deadline) = if upload.has_ended() {
                attempt.has_all(now);
                (now + settings.try_timeout, now + whole)
            } else {
                (now + settings.stall_timeout, now + whole.max(settings.stall_timeout))
            };
        }
        match polled {
            Poll::Pending | Poll::Ready(Ok(())) => Poll::Pending,
            Poll::Ready(Err(Broken::Sink(error))) => {
                attempt.break_off(error);
                // Its answer may be there already.
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(Err(Broken::Bad(bad))) => Poll::Ready(Event::Refused(Refusal(400, bad.0))),
            Poll::Ready(Err(Broken::TooLarge)) => Poll::Ready(Event::Refused(Refusal(413, "the body is too large"))),
            Poll::Ready(Err(Broken::Memory)) => Poll::Ready(Event::Refused(MEMORY)),
            Poll::Ready(Err(Broken::Source(_) | Broken::Gone)) => Poll::Ready(Event::Gone),
        }
    }

    /// Nothing of the answer has moved since then: ready with why it never will, without a reason when the upstream has
    /// sent nothing for too long. It is hungry when that is who is waited for, and not the client.
    pub fn poll_quiet(
        &mut self,
        context: &mut Context,
        since: Instant,
        is_hungry: bool,
        uploading: Uploading,
    ) -> Poll<Option<Broken>> {
        let is_heard = !is_hungry || !uploading.is_over();
        let stall = since + self.settings.stall_timeout;
        loop {
            if !is_heard && self.poll_client(context).is_ready() {
                return Poll::Ready(Some(Broken::Gone));
            }
            let waits = is_heard || self.hears;
            self.client.timer.set(if waits { stall } else { stall.min(since + QUIET) });
            ready!(self.client.timer.poll(context));
            if stall <= Instant::now() {
                let blocked = Some(Broken::Sink(io::ErrorKind::TimedOut.into()));
                return Poll::Ready(if is_hungry { uploading.owed() } else { blocked });
            }
            self.hears = true;
        }
    }

    /// A client that closes does not wait for an answer any more. One that sends its next request does.
    fn poll_client(&mut self, context: &mut Context) -> Poll<Event> {
        while self.hears && !self.pipelined {
            let stream = &self.client.stream;
            match stream.poll_read_ready(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(Event::Gone),
                Poll::Ready(Ok(())) => {}
            }
            match stream.try_io(Interest::READABLE, || stream.peek()) {
                Ok(true) => self.pipelined = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(false) | Err(_) => return Poll::Ready(Event::Gone),
            }
        }
        Poll::Pending
    }
}
