//! What is wrong, for programs: `application/problem+json` (RFC 9457).

use super::reply::{Manner, Reply, reason};
use crate::filter::Failure;
use serde_json::json;

pub struct Problem<'a> {
    pub status: u16,
    /// The word in `X-Proxy-Error`, by which an app can tell that it is not from the upstream
    pub kind: &'static str,
    /// What went wrong with this request
    pub detail: String,
    /// The name of the route
    pub route: Option<&'a str>,
    /// What of the route it is about, such as `responses[1].body`
    pub mapping: Option<String>,
    /// Where in the body, such as `line 3, column 7`
    pub at: Option<String>,
}

impl<'a> Problem<'a> {
    /// What a failure means where a body that does not fit is answered with `unfit`, and one that takes too long with
    /// `late`.
    pub fn of(failure: Failure, (unfit, late): (u16, u16), route: &'a str, mapping: Option<String>) -> Self {
        let (status, kind) = match &failure {
            Failure::Unfit(_) => (unfit, "body-unfit"),
            Failure::Died(_) => (unfit, "body-too-much"),
            Failure::Late(_) => (late, "filter-timeout"),
            Failure::Busy => (503, "filters-busy"),
            Failure::Absent(_) => (503, "no-worker"),
        };
        let (detail, at) = match failure {
            Failure::Unfit(unfit) => (unfit.what.replace("\nhint: ", ": "), unfit.at),
            other => (other.to_string(), None),
        };
        Self { status, kind, detail, route: Some(route), mapping, at }
    }

    /// All bytes of the answer.
    pub fn answer(&self, manner: Manner, out: &mut Vec<u8>) {
        let mut problem = json!({
            "type": "about:blank", "title": reason(self.status), "status": self.status, "detail": self.detail,
        });
        let members = [("route", self.route), ("mapping", self.mapping.as_deref()), ("at", self.at.as_deref())];
        for (name, value) in members {
            if let (Some(value), Some(problem)) = (value, problem.as_object_mut()) {
                problem.insert(name.into(), value.into());
            }
        }
        let fields = format!("X-Proxy-Error: {}\r\nContent-Type: application/problem+json\r\n", self.kind);
        let body = format!("{problem}\n");
        let reply = Reply { status: self.status, reason: None, fields: fields.as_bytes(), body: body.as_bytes() };
        reply.write(manner, out);
    }
}
