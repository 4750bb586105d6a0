//! Bodies that are sent on as something else: read as a whole, or item by item, and given to a worker.

use super::super::attempt::Attempt;
use super::super::buffer::{Buffer, Bytes};
use super::super::collect::Collect;
use super::super::framing::Body;
use super::super::problem::Problem;
use super::super::pump::Broken;
use super::super::refusal::MEMORY;
use super::super::reply::Reply;
use super::super::response::{Mapped, Response};
use super::{Exchange, Next, Refusal};
use crate::body::Unfit;
use crate::cluster::Try;
use crate::config::BodyMapping;
use crate::filter::{self, Coding, Made, Stream as Items, variables};
use crate::stream::Stream;
use crate::traffic::Way;
use std::future::poll_fn;
use std::io::Write;
use std::rc::Rc;
use std::task::Poll;
use tokio::time::Instant;

/// U+FEFF
const MARK: &[u8] = b"\xEF\xBB\xBF";

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl Exchange<'_> {
    /// Reads all of the request's body, and puts what is made of it behind the head. `Err` when that is the end of it.
    pub async fn map_request(&mut self, body: Body, mapping: &BodyMapping, task: u32) -> Result<(), Next> {
        let limit = self.settings.max_body.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        let most = limit.min(mapping.max_body);
        let is_empty = matches!(body, Body::Length(0));
        if matches!(body, Body::Length(length) if length > most as u64) {
            self.unread = true;
            return Err(self.refuse(Refusal(413, "the body is too large")).await);
        }
        if self.request.expects && !is_empty {
            let mut out = Bytes::take();
            out.extend_from_slice(CONTINUE);
            if !self.client.send(out, self.settings.stall_timeout).await {
                return Err(self.gone());
            }
        }
        let data = self.collect_request(body, most).await?;
        if data.is_empty() && !mapping.makes() {
            // Where a body would mean something, that there is none is said (RFC 9110, 8.6).
            let length = if self.request.safe { "" } else { "Content-Length: 0\r\n" };
            let _ = write!(self.head, "{length}\r\n"); // a vector takes anything
            return Ok(());
        }
        let Some(coding) = self.request.routed.as_ref().and_then(|routed| routed.coding) else {
            return Err(self.refuse(Refusal(415, "content-encoding")).await);
        };
        match self.make(mapping, task, coding, &data, None).await {
            Ok(made) => {
                let length = made.body.len();
                write_type(mapping, &mut self.head);
                let _ = write!(self.head, "Content-Length: {length}\r\n\r\n"); // a vector takes anything
                self.head.extend_from_slice(&made.body);
                self.head.recount();
                Ok(())
            }
            Err(failure) => Err(self.unfit(failure, Side::Request).await),
        }
    }

    async fn collect_request(&mut self, body: Body, most: usize) -> Result<Bytes, Next> {
        let mut collect = Collect::new(body, most, self.settings.max_buffered);
        self.unread = true;
        while !collect.has_ended() {
            let (client, stall, before) = (&mut *self.client, self.settings.stall_timeout, collect.data.len());
            let more = collect.more((&client.stream, &mut client.input), &mut client.timer, stall).await;
            let came = (collect.data.len() - before) as u64;
            client.connection.moved(Way::Up, came);
            self.received += came;
            let refusal = match more {
                Ok(()) => continue,
                Err(Some(Broken::Source(_) | Broken::Sink(_) | Broken::Gone)) => return Err(self.gone()),
                Err(Some(Broken::Memory)) => MEMORY,
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

    /// Relays an answer as what is made of it. `fields` are those that the client gets.
    pub async fn relay_mapped(
        &mut self,
        mut attempt: Attempt,
        response: Response,
        mapped: Mapped,
        fields: Bytes,
    ) -> Next {
        let input = std::mem::take(&mut attempt.input);
        let (load, Some(upstream)) = attempt.into_stream() else { return Next::Close };
        let routing = self.routing.clone();
        let Some((mapping, task)) = self.route().and_then(|route| routing.answer(route, mapped.number)) else {
            return self.refuse(Refusal(502, "no-mapping")).await;
        };
        let source = Source { upstream, input, load, reusable: response.reusable };
        let collect = Collect::new(response.body, mapping.max_body, self.settings.max_buffered);
        let answer = Answer { status: response.sent_status, upstream_status: response.status, mapped, fields };
        match mapping.stream {
            None => self.relay_whole(source, collect, answer, mapping, task).await,
            Some(items) => self.relay_items(source, collect, answer, (mapping, task, items)).await,
        }
    }

    async fn relay_whole(
        &mut self,
        mut source: Source,
        mut collect: Collect,
        mut answer: Answer,
        mapping: &BodyMapping,
        task: u32,
    ) -> Next {
        while !collect.has_ended() {
            if let Err(broken) = self.gather(&mut source, &mut collect).await {
                return self.not_gathered(source, broken, answer.mapped.number).await;
            }
        }
        self.keep(source);
        if collect.data.is_empty() && !mapping.makes() {
            let reason = Some(answer.mapped.reason.as_bytes());
            let reply = Reply { status: answer.status, reason, fields: &answer.fields, body: b"" };
            return self.reply(answer.status, |manner, out| reply.write(manner, out)).await;
        }
        let made = match answer.mapped.coding {
            Some(coding) => self.make(mapping, task, coding, &collect.data, Some(&answer)).await,
            None => Err(packed()),
        };
        drop(collect);
        let made = match made {
            Ok(made) => made,
            Err(failure) => return self.unfit(failure, Side::Answer(answer.mapped.number)).await,
        };
        let status = made.status.unwrap_or(answer.status);
        let reason = (status == answer.status).then_some(answer.mapped.reason.as_bytes());
        write_type(mapping, &mut answer.fields);
        let reply = Reply { status, reason, fields: &answer.fields, body: &made.body };
        self.reply(status, |manner, out| reply.write(manner, out)).await
    }

    async fn relay_items(
        &mut self,
        mut source: Source,
        mut collect: Collect,
        answer: Answer,
        (mapping, task, items): (&BodyMapping, u32, Items),
    ) -> Next {
        let early = self.is_uploading();
        let goes_on = self.request.keep_alive && !self.request.http10 && !early;
        let (mut looked, mut has_begun) = (0, false);
        if answer.mapped.coding != Some(Coding::Identity) {
            return self.unfit(packed(), Side::Answer(answer.mapped.number)).await;
        }
        while !collect.has_ended() {
            if let Err(broken) = self.gather(&mut source, &mut collect).await {
                if !has_begun {
                    return self.not_gathered(source, broken, answer.mapped.number).await;
                }
                self.cut_off(&mut source.load, broken);
                return Next::Close;
            }
            let end = match items {
                // The last line may have no end; an event that has none is not to be told of (WHATWG HTML, 9.2.6).
                Items::Ndjson if collect.has_ended() => collect.data.len(),
                _ => items.end(&collect.data, looked),
            };
            let mut made = Made::default();
            if end > 0 {
                // A byte order mark in front of a stream is no part of it (WHATWG HTML, 9.2.5).
                let start = if !has_begun && collect.data.starts_with(MARK) { MARK.len() } else { 0 };
                match self.make(mapping, task, Coding::Identity, &collect.data[start..end], Some(&answer)).await {
                    Ok(items) => made = items,
                    Err(failure) if !has_begun => return self.unfit(failure, Side::Answer(answer.mapped.number)).await,
                    Err(failure) => {
                        self.complain(&failure);
                        self.error = Some("cut-off");
                        // What was sent is not to be taken for all.
                        self.client.stream.reset();
                        return Next::Close;
                    }
                }
                collect.data.drain(..end);
            }
            looked = collect.data.len();
            if end == 0 && !collect.has_ended() {
                continue; // the first item may yet be one that does not fit
            }
            let mut out = Bytes::take();
            if !has_begun {
                self.status = answer.status;
                answer.begin_items(mapping, goes_on, self.request.http10, &mut out);
                has_begun = true;
            }
            chunk(&made.body, collect.has_ended(), self.request.http10, &mut out);
            out.recount();
            let length = out.len() as u64;
            if length > 0 && !self.client.send(out, self.settings.stall_timeout).await {
                return self.gone();
            }
            self.sent += length;
        }
        self.keep(source);
        match goes_on {
            true => Next::Request,
            false if early || self.client.says_more() => Next::Linger,
            false => Next::Close,
        }
    }

    /// Reads more of an answer, while the rest of the request goes the other way if there is one. Without an error when
    /// the upstream has sent nothing for too long.
    async fn gather(&mut self, source: &mut Source, collect: &mut Collect) -> Result<(), Option<Broken>> {
        let mut uploading = self.uploading();
        let mut moved = Instant::now();
        poll_fn(|context| {
            if let Some(upload) = &mut self.upload {
                let before = upload.data;
                uploading = uploading.poll(context, upload, self.client, &source.upstream);
                if upload.data != before {
                    self.client.connection.moved(Way::Up, upload.data - before);
                    moved = Instant::now();
                }
            }
            match collect.poll(context, &source.upstream, &mut source.input) {
                Poll::Ready(result) => Poll::Ready(result.map_err(Some)),
                Poll::Pending => self.poll_quiet(context, moved, true, uploading).map(Err),
            }
        })
        .await
    }

    /// An answer of which the client has nothing yet, and which does not come to an end.
    async fn not_gathered(&mut self, mut source: Source, broken: Option<Broken>, number: usize) -> Next {
        let refusal = match &broken {
            Some(Broken::TooLarge) => return self.unfit(too_large(), Side::Answer(number)).await,
            Some(Broken::Bad(_)) => Refusal(502, "bad-answer"),
            Some(Broken::Sink(_)) => return self.refuse(Refusal(408, "the body does not come")).await,
            Some(Broken::Gone) => {
                self.status = 0; // it has nothing of it
                return self.gone();
            }
            Some(Broken::Memory) => return self.refuse(MEMORY).await,
            Some(_) => Refusal(502, "connection-broken"),
            None => Refusal(504, "try-timeout"),
        };
        self.blame(&mut source.load, broken);
        self.refuse(refusal).await
    }

    /// The upstream's connection can take another request.
    fn keep(&mut self, source: Source) {
        let Source { upstream, input, load, reusable } = source;
        if reusable && input.is_empty() && !self.is_uploading() && !self.cut_short {
            self.http.pool.put(load.endpoint(), upstream, &self.settings.idle_upstreams, Instant::now());
            self.http.sweep();
        }
    }

    async fn make(
        &self,
        mapping: &BodyMapping,
        task: u32,
        coding: Coding,
        body: &[u8],
        answer: Option<&Answer>,
    ) -> Result<Made, filter::Failure> {
        let Some(workers) = &self.routing.workers else {
            return Err(filter::Failure::Absent("there are none".into()));
        };
        let used = mapping.variables;
        let variables = match (&self.request.routed, self.routing.route(self.route())) {
            (Some(routed), Some(route)) if !used.is_empty() => {
                let answer = answer.map(|answer| (answer.upstream_status, &answer.mapped.headers));
                routed.again(route, |asked, parts| Some(variables::of(used, &route.name, asked, parts, answer)))
            }
            _ => None,
        };
        workers.run(task, coding, &variables.unwrap_or_default(), body).await
    }

    /// Answers that the body is not one that could be mapped.
    pub async fn unfit(&mut self, failure: filter::Failure, side: Side) -> Next {
        self.complain(&failure);
        let routing = self.routing.clone();
        let Some(route) = routing.route(self.route()) else { return Next::Close };
        let statuses = route.failure;
        let (unfit, mapping) = match side {
            Side::Request => (statuses.request, Some("request.body".into())),
            Side::Answer(number) => (statuses.response, Some(format!("responses[{number}].body"))),
            Side::Head | Side::Page => (statuses.response, None),
        };
        let problem = Problem::of(failure, (unfit, statuses.deadline), &route.name, mapping);
        self.explain(problem).await
    }

    fn complain(&self, failure: &filter::Failure) {
        let Some(route) = self.routing.route(self.route()) else { return };
        let said = format_args!("route {}: {failure}", route.name);
        self.client.connection.traffic().complaints.say("filter", &Rc::from(&*route.name), said);
    }
}

/// What could not be made.
#[derive(Clone, Copy)]
pub enum Side {
    Request,
    /// By one of the route's `responses`
    Answer(usize),
    /// The head of an answer
    Head,
    Page,
}

/// Where an answer comes from.
struct Source {
    upstream: Stream,
    input: Buffer,
    load: Try,
    reusable: bool,
}

/// What is known of it before its body is there.
struct Answer {
    status: u16,
    upstream_status: u16,
    mapped: Mapped,
    fields: Bytes,
}

impl Answer {
    fn begin_items(&self, mapping: &BodyMapping, goes_on: bool, http10: bool, out: &mut Vec<u8>) {
        let (status, reason) = (self.status, &self.mapped.reason);
        let _ = write!(out, "HTTP/1.1 {status} {reason}\r\n");
        out.extend_from_slice(&self.fields);
        write_type(mapping, out);
        let framing = if http10 { "" } else { "Transfer-Encoding: chunked\r\n" };
        let connection = if goes_on { "" } else { "Connection: close\r\n" };
        let _ = write!(out, "{framing}{connection}\r\n");
    }
}

/// What the body of a head is, unless the route has said it: the other side's field is out.
fn write_type(mapping: &BodyMapping, head: &mut Vec<u8>) {
    const NAME: &[u8] = b"content-type:";
    let is_it = |line: &[u8]| line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME));
    if !head.split(|byte| *byte == b'\n').any(is_it) {
        let _ = write!(head, "Content-Type: {}\r\n", mapping.content_type()); // a vector takes anything
    }
}

fn chunk(bytes: &[u8], is_last: bool, http10: bool, out: &mut Vec<u8>) {
    if http10 {
        return out.extend_from_slice(bytes);
    }
    if !bytes.is_empty() {
        let _ = write!(out, "{:x}\r\n", bytes.len());
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\r\n");
    }
    if is_last {
        out.extend_from_slice(b"0\r\n\r\n");
    }
}

fn packed() -> filter::Failure {
    filter::Failure::Unfit(Unfit::new("it is packed in a way that cannot be unpacked here".into()))
}

fn too_large() -> filter::Failure {
    filter::Failure::Unfit(Unfit::new("it is larger than `max-body`".into()))
}
