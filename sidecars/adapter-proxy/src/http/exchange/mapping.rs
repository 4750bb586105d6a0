//! Bodies that are read as a whole, or item by item, to be sent on as something else.

use super::super::attempt::Attempt;
use super::super::buffer::{Buffer, Bytes};
use super::super::collect::Collect;
use super::super::framing::Body;
//use super::super::problem::Problem;
use super::super::pump::Broken;
use super::super::reply::{Manner, Reply, reason};
use super::super::response::Response;
use super::{Exchange, Next, Refusal};
use crate::cluster::{Failure, Try};
use crate::config::BodyMapping;
use crate::filter::{self, Coding, Made, Stream as Items};
use crate::stream::Stream;
use crate::traffic::Way;
use std::future::poll_fn;
use std::io::Write;
use std::rc::Rc;
use std::task::Poll;
use tokio::time::Instant;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl Exchange<'_> {
    /// Reads all of the request's body, and puts what is made of it behind the head. `Err` when that is the end of it.
    pub async fn map_request(&mut self, body: Body, mapping: &BodyMapping, task: u32) -> Result<(), Next> {
        let is_none = body.has_ended() && !matches!(body, Body::Chunked(_));
        if is_none && !mapping.makes() {
            self.head.extend_from_slice(b"\r\n");
            return Ok(());
        }
        if self.request.expects && !is_none {
            let mut out = Bytes::take();
            out.extend_from_slice(CONTINUE);
            if !self.client.send(out, self.settings.stall_timeout).await {
                return Err(Next::Close);
            }
        }
        let most = self.settings.max_body.map_or(mapping.max_body, |most| {
            mapping.max_body.min(usize::try_from(most).unwrap_or(usize::MAX))
        });
        let mut collected = Collect::new(body, most);
        while !collected.has_ended() {
            let client = &mut *self.client;
            let before = collected.data.len();
            let more = collected.more((&client.stream, &mut client.input), &mut client.timer, self.settings.stall_timeout).await;
            let came = (collected.data.len() - before) as u64;
            client.connection.moved(Way::Up, came);
            self.received += came;
            let refusal = match more {
                Ok(()) => continue,
                Err(Some(Broken::Source(_) | Broken::Sink(_))) => return Err(Next::Close),
                Err(Some(Broken::Bad(bad))) => Refusal(400, bad.0),
                Err(Some(Broken::TooLarge)) => Refusal(413, "the body is too large"),
                Err(None) => Refusal(408, "the body does not come"),
            };
            self.unread = true;
            return Err(self.refuse(refusal).await);
        }
        self.client.input.release();
        let coding = self.request.coding;
        let made = self.make(mapping, task, coding, &self.request_variables(mapping), &collected.data).await;
        drop(collected);
        match made {
            Ok(made) => {
                let (kind, length) = (mapping.content_type(), made.body.len());
                // A vector takes anything.
                let _ = write!(self.head, "Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
                self.head.extend_from_slice(&made.body);
                self.head.recount();
                // Its time begins now: until here it was the client's, and the filter's.
                self.deadline = Instant::now() + self.settings.request_timeout;
                Ok(())
            }
            Err(failure) => Err(self.unfit(failure, true).await),
        }
    }
}
