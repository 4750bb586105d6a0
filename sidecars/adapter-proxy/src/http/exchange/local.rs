//! Requests that are answered here: nobody else is asked.

use super::super::problem::Problem;
use super::super::reply::Reply;
use super::super::request::field;
use super::{Exchange, Next};
use crate::config::{Answer, To};
use crate::route::Known;

impl Exchange<'_> {
    /// The answer of a route that gives one itself, or of none; `None` when an upstream is to be asked.
    pub async fn answer_here(&mut self) -> Option<Next> {
        let routing = self.routing.clone();
        match routing.route(self.route()) {
            None if routing.default.is_none() => {
                let detail = "no route takes this request".to_owned();
                let problem = Problem { status: 404, kind: "no-route", detail, route: None, at: None };
                Some(self.reply(404, |manner, out| problem.answer(manner, out)).await)
            }
            None => None,
            Some(route) => match &route.to {
                To::Default | To::Cluster(_) => None,
                To::Answer(answer) => Some(self.give(answer).await),
                To::Metrics(_) => None,
            },
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
            let problem = Problem { status: 400, kind: "request-unfit", detail, route, at: None };
            return self.reply(400, |manner, out| problem.answer(manner, out)).await;
        };
        let reply = Reply { status: answer.status, reason: None, fields: &fields, body: answer.body.as_bytes() };
        self.reply(answer.status, |manner, out| reply.write(manner, out)).await
    }
}
