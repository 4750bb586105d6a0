//! Bodies that are sent on as something else: read as a whole, or item by item, and given to a worker.

use super::super::attempt::Attempt;
use super::super::buffer::{Buffer, Bytes};
use super::super::collect::Collect;
use super::super::framing::Body;
use super::super::problem::Problem;
use super::super::pump::Broken;
use super::super::reply::Reply;
use super::super::response::{Mapped, Response};
use super::{Exchange, Next, Refusal};
use crate::cluster::Try;
use crate::config::BodyMapping;
use crate::filter::{self, Coding, Made, Stream as Items};
use crate::stream::Stream;
use crate::traffic::Way;
use std::future::poll_fn;
use std::io::Write;
use std::task::Poll;
use tokio::time::Instant;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl Exchange<'_> {
    /// Reads all of the request's body, and puts what is made of it behind the head. `Err` when that is the end of it.
    pub async fn map_request(&mut self, body: Body, mapping: &BodyMapping, task: u32) -> Result<(), Next> {
        let is_empty = matches!(body, Body::Length(0));
        if is_empty && !mapping.makes() {
            self.head.extend_from_slice(b"\r\n");
            return Ok(());
        }
        if self.request.expects && !is_empty {
            let mut out = Bytes::take();
            out.extend_from_slice(CONTINUE);
            if !self.client.send(out, self.settings.stall_timeout).await {
                return Err(Next::Close);
            }
        }
        let data = self.collect_request(body, mapping.max_body).await?;
        let Some(coding) = self.coding else {
            return Err(self.refuse(Refusal(415, "content-encoding")).await);
        };
        match self.make(mapping, task, coding, &data, None).await {
            Ok(made) => {
                let (kind, length) = (mapping.content_type(), made.body.len());
                // A vector takes anything.
                let _ = write!(self.head, "Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
                self.head.extend_from_slice(&made.body);
                self.head.recount();
                // The upstream's time begins now: until here it was the client's, and the filter's.
                self.deadline = Instant::now() + self.settings.request_timeout;
                Ok(())
            }
            Err(failure) => Err(self.unfit(failure, true).await),
        }
    }

    async fn collect_request(&mut self, body: Body, most: usize) -> Result<Bytes, Next> {
        let limit = self.settings.max_body.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        let mut collect = Collect::new(body, most.min(limit));
        self.unread = true;
        while !collect.has_ended() {
            let (client, stall, before) = (&mut *self.client, self.settings.stall_timeout, collect.data.len());
            let more = collect.more((&client.stream, &mut client.input), &mut client.timer, stall).await;
            let came = (collect.data.len() - before) as u64;
            client.connection.moved(Way::Up, came);
            self.received += came;
            let refusal = match more {
                Ok(()) => continue,
                Err(Some(Broken::Source(_) | Broken::Sink(_))) => return Err(Next::Close),
                Err(Some(Broken::Bad(bad))) => Refusal(400, bad.0),
                Err(Some(Broken::TooLarge)) => Refusal(413, "the body is too large"),
                Err(None) => Refusal(408, "the body does not come"),
            };
            return Err(self.refuse(refusal).await);
        }
        self.unread = false;
        self.client.input.release();
        Ok(collect.data)
    }

    /// Relays an answer as what is made of it.
    pub async fn relay_mapped(&mut self, mut attempt: Attempt, response: Response, mapped: Mapped) -> Next {
        let mut input = std::mem::take(&mut attempt.input);
        let (load, Some(upstream)) = attempt.into_stream() else { return Next::Close };
        let routing = self.routing.clone();
        let found = self.route().and_then(|route| {
            let task = *routing.lead(route)?.responses.get(mapped.response)?;
            let mapping = routing.routes.get(route)?.responses.get(mapped.response)?.body.as_ref()?;
            Some((mapping, task?))
        });
        let Some((mapping, task)) = found else { return Next::Close };
        let mut source = Source { upstream, input, load, reusable: response.reusable };
        match mapping.stream {
            None => self.relay_whole(&mut source, response, mapped, (mapping, task)).await,
            Some(items) => self.relay_items(&mut source, response, mapped, (mapping, task, items)).await,
        }
    }
}
