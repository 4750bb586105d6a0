//! What is answered to a request.

use super::encoding::decoded;
use super::fault::When;
use super::http::{Answer, Connection, Head, Unread};
use super::refusal::Refusal;
use super::{Request, Shared, State, bulk, filter, lock, search};
use serde_json::{Value, json};
use std::io;
use std::time::Instant;

/// `http.max_content_length` of a server that was not told otherwise.
const MAX_CONTENT: usize = 100 << 20;

/// What may be asked in a query of `_bulk`.
const PARAMETERS: [&str; 12] = [
    "_source",
    "error_trace",
    "filter_path",
    "human",
    "pipeline",
    "pretty",
    "refresh",
    "require_alias",
    "require_data_stream",
    "routing",
    "timeout",
    "wait_for_active_shards",
];

impl Shared {
    /// Answers the next request. Whether another one may follow.
    pub(super) fn answer(&self, number: u64, connection: &mut Connection) -> io::Result<bool> {
        let Some(head) = connection.head()? else { return Ok(false) };
        let bulk = head.path.ends_with("/_bulk");
        let (fault, max_content) = {
            let mut state = lock(&self.state);
            (if bulk { state.next_fault() } else { None }, state.max_content.unwrap_or(MAX_CONTENT))
        };
        let nothing = Answer { status: 200, headers: vec![], body: vec![] };
        if let Some(fault) = fault.as_ref().filter(|fault| fault.when == When::Unread) {
            self.note(&head, number, 0, (0, 0));
            fault.how.perform(connection, &head, &nothing)?;
            return Ok(false);
        }
        let (body, refused) = match connection.body(&head, max_content) {
            Ok(body) => (body, None),
            Err(Unread::Io(error)) => return Err(error),
            Err(Unread::TooLarge) => (Default::default(), Some(Answer { status: 413, ..nothing.clone() })),
            Err(Unread::Broken(why)) => (Default::default(), Some(Refusal::new(400, "i_o_exception", why).answer())),
        };
        let length = (body.1, body.0.len());
        let at = self.note(&head, number, 0, length);
        if let Some(fault) = fault.as_ref().filter(|fault| fault.when == When::Read) {
            return self.perform(fault, at, connection, &head, &nothing);
        }
        let answer = refused.unwrap_or_else(|| self.right(&head, &body.0, at));
        if let Some(fault) = fault {
            return self.perform(&fault, at, connection, &head, &answer);
        }
        self.answered(at, answer.status);
        connection.write(&answer.bytes(&head))?;
        Ok(!head.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")))
    }

    fn perform(
        &self,
        fault: &super::Fault,
        at: usize,
        connection: &mut Connection,
        head: &Head,
        right: &Answer,
    ) -> io::Result<bool> {
        if let super::How::Answer(answer) = &fault.how {
            self.answered(at, answer.status);
        }
        fault.how.perform(connection, head, right)
    }

    fn note(&self, head: &Head, connection: u64, items: usize, length: (usize, usize)) -> usize {
        let mut state = lock(&self.state);
        let head = head.clone();
        state.requests.push(Request { head, connection, items, length, status: 0, at: Instant::now() });
        self.changed.notify_all();
        state.requests.len() - 1
    }

    fn answered(&self, at: usize, status: u16) {
        lock(&self.state).requests[at].status = status;
        self.changed.notify_all();
    }

    /// What a server answers that nothing is wrong with.
    fn right(&self, head: &Head, body: &[u8], at: usize) -> Answer {
        if let Some(wanted) = &lock(&self.state).authorization
            && head.header("authorization") != Some(wanted)
        {
            let what = if head.header("authorization").is_some() {
                "unable to authenticate"
            } else {
                "missing authentication credentials"
            };
            let reason = format!("{what} for REST request [{}]", head.path);
            let mut answer = Refusal::new(401, "security_exception", reason).answer();
            answer.headers.push(("www-authenticate", "Basic realm=\"security\" charset=\"UTF-8\"".into()));
            answer.headers.push(("www-authenticate", "ApiKey".into()));
            return answer;
        }
        let index = match head.path.trim_start_matches('/').split('/').collect::<Vec<_>>()[..] {
            [""] => {
                let version = json!({"number": "8.19.0", "build_flavor": "default"});
                return Answer::json(
                    200,
                    &json!({"name": "test", "version": version, "tagline": "You Know, for Search"}),
                );
            }
            ["_bulk"] => None,
            [index, "_bulk"] => Some(decoded(index)),
            [index, "_search"] if head.method == "GET" => {
                let found = search::search(&lock(&self.state).store, &decoded(index), head);
                return found.unwrap_or_else(|refusal| refusal.answer());
            }
            _ => {
                let said = format!("no handler found for uri [{}] and method [{}]", head.path, head.method);
                return Answer::json(400, &json!({"error": said}));
            }
        };
        if !matches!(head.method.as_str(), "POST" | "PUT") {
            let said = format!(
                "Incorrect HTTP method for uri [{}] and method [{}], allowed: [POST, PUT]",
                head.path, head.method
            );
            return Answer::json(405, &json!({"error": said, "status": 405}));
        }
        let kind = head.header("content-type").unwrap_or_default();
        let media = kind.split(';').next().unwrap_or_default().trim();
        if !matches!(media, "application/json" | "application/x-ndjson") {
            return Answer::json(
                406,
                &json!({"error": format!("Content-Type header [{kind}] is not supported"), "status": 406}),
            );
        }
        if let Some((unknown, _)) = head.query.iter().find(|(name, _)| !PARAMETERS.contains(&name.as_str())) {
            let reason = format!("request [{}] contains unrecognized parameter: [{unknown}]", head.path);
            return Refusal::new(400, "illegal_argument_exception", reason).answer();
        }
        match bulk::parse(body, index.as_deref()) {
            Err(refusal) => refusal.answer(),
            Ok(actions) => {
                let items = self.apply(actions, at);
                let errors = items
                    .iter()
                    .filter_map(Value::as_object)
                    .flat_map(|item| item.values())
                    .any(|of| of["error"].is_object());
                let body = json!({"took": 7, "errors": errors, "items": items});
                Answer::json(
                    200,
                    &match head.query("filter_path") {
                        Some(paths) => filter::filter(body, paths),
                        None => body,
                    },
                )
            }
        }
    }

    fn apply(&self, actions: Vec<bulk::Action>, at: usize) -> Vec<Value> {
        let mut state = lock(&self.state);
        state.requests[at].items = actions.len();
        let items = actions.into_iter().map(|action| state.store.apply(action)).collect();
        self.changed.notify_all();
        items
    }
}

impl State {
    fn next_fault(&mut self) -> Option<super::Fault> {
        let (left, fault) = self.faults.front_mut()?;
        let fault = fault.clone();
        *left -= u64::from(*left != u64::MAX);
        if *left == 0 {
            self.faults.pop_front();
        }
        Some(fault)
    }
}

impl Refusal {
    fn answer(&self) -> Answer {
        Answer::json(self.status, &self.body())
    }
}
