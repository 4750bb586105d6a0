//! Requests that are answered here: nobody else is asked.

use super::super::Refusal;
use super::super::buffer::Bytes;
use super::super::problem::Problem;
use super::super::reply::Reply;
use super::super::request::field;
use super::mapping::Side;
use super::{Exchange, Next};
use crate::config::{Answer, To};
use crate::exporter::{self, Fetched, accept};
use crate::filter::{Coding, OPENMETRICS};
use crate::route::{Asked, Known};
use std::rc::Rc;

impl Exchange<'_> {
    /// Whether nobody is asked: by a route that answers itself, or for want of one.
    pub fn is_answered_here(&self) -> bool {
        match self.routing.route(self.route()) {
            None => self.routing.default.is_none(),
            Some(route) => matches!(route.to, To::Answer(_) | To::Metrics(_)),
        }
    }

    pub async fn answer_here(&mut self) -> Next {
        let routing = self.routing.clone();
        match routing.route(self.route()).map(|route| &route.to) {
            Some(To::Answer(answer)) => self.give(answer).await,
            Some(To::Metrics(_)) => self.expose().await,
            Some(To::Default | To::Cluster(_)) | None => {
                let detail = "no route takes this request".to_owned();
                let problem = Problem { status: 404, kind: "no-route", detail, route: None, mapping: None, at: None };
                self.explain(problem).await
            }
        }
    }

    /// Fetches what the route's page of metrics is made of, and has it made.
    async fn expose(&mut self) -> Next {
        let routing = self.routing.clone();
        let Some(((fetcher, task), workers)) =
            self.route().and_then(|route| routing.page(route)).zip(routing.workers.as_ref())
        else {
            return self.refuse(Refusal(503, "no-page")).await;
        };
        let mut body = Bytes::default();
        Fetched::encode(fetcher.fetch().await.iter().map(|one| &**one), &mut body);
        body.recount();
        let accept = |asked: &Asked| {
            let named = asked.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("accept"));
            accept::openmetrics(named.map(|header| header.value))
        };
        let routed = self.request.routed.as_ref().zip(routing.route(self.route()));
        let openmetrics = routed.and_then(|(routed, route)| routed.again(route, |asked, _| Some(accept(asked))));
        let (variables, kind) =
            if openmetrics == Some(true) { (OPENMETRICS, exporter::OPENMETRICS) } else { (&b""[..], exporter::TEXT) };
        match workers.run(*task, Coding::Identity, variables, &body).await {
            Ok(made) => {
                for said in made.said.lines() {
                    self.client.connection.traffic().complaints.say("page", &Rc::from(said), said);
                }
                let fields = format!("Content-Type: {kind}\r\n");
                let reply = Reply { status: 200, reason: None, fields: fields.as_bytes(), body: &made.body };
                self.reply(200, |manner, out| reply.write(manner, out)).await
            }
            Err(failure) => self.unfit(failure, Side::Page).await,
        }
    }

    async fn give(&mut self, answer: &Answer) -> Next {
        let routing = self.routing.clone();
        let known = self.request.routed.as_ref().zip(routing.route(self.route()));
        let fields = known.and_then(|(routed, route)| {
            routed.again(route, |asked, parts| {
                answer.fields(&Known { asked: *asked, parts, answer: None }).ok().map(|fields| {
                    let mut out = vec![];
                    for (name, value) in fields {
                        field(&mut out, name.as_bytes(), &value);
                    }
                    out
                })
            })
        });
        let Some(fields) = fields else {
            let detail = "the request has what no head of an answer can have".to_owned();
            let route = routing.route(self.route()).map(|route| route.name.as_str());
            let problem = Problem { status: 400, kind: "request-unfit", detail, route, mapping: None, at: None };
            return self.explain(problem).await;
        };
        let reply = Reply { status: answer.status, reason: None, fields: &fields, body: answer.body.as_bytes() };
        self.reply(answer.status, |manner, out| reply.write(manner, out)).await
    }
}
