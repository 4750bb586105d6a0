//! What may be said of the requests that a listener takes: which go where, and what becomes of them on the way.

mod body;
mod edits;
mod values;

pub use body::BodyMapping;
pub use edits::{HeaderEdits, QueryEdits};
pub use values::{Beginning, HeaderName, Method, Parameter, Statuses, is_token};

use crate::route::{Host, Pattern, Template, Variable, Wanted};
use serde::Deserialize;
use values::{failure, host, name, pairs, sent_status, set_status};

/// The first one that takes a request has it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Route {
    /// No other of the listener has it
    pub name: String,
    pub matching: Match,
    pub to: To,
    pub request: Request,
    /// The first one whose statuses an answer has is for it
    pub responses: Vec<Response>,
    pub failure: Failure,
}

/// All of it has to be so.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Match {
    pub host: Option<Host>,
    pub path: Option<Pattern>,
    /// One of them, or any if there is none
    pub methods: Vec<Method>,
    pub headers: Vec<(HeaderName, Wanted)>,
    pub query: Vec<(String, Wanted)>,
}

/// Who answers.
#[derive(Clone, PartialEq, Debug)]
pub enum To {
    /// The listener's cluster
    Default,
    Cluster(String),
    /// One of the `pages`
    Metrics(String),
    Answer(Answer),
}

/// Given without asking anybody.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Answer {
    #[serde(deserialize_with = "sent_status")]
    pub status: u16,
    #[serde(default, deserialize_with = "pairs")]
    pub headers: Vec<(HeaderName, Template)>,
    /// As it is: no template
    #[serde(default)]
    pub body: String,
}

/// What is sent instead of what the client asked.
#[derive(Clone, Default, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Request {
    pub method: Option<Method>,
    pub path: Option<Template>,
    #[serde(deserialize_with = "host")]
    pub host: Option<String>,
    pub query: QueryEdits,
    pub headers: HeaderEdits,
    pub body: Option<BodyMapping>,
}

/// What the client gets instead of what was answered.
#[derive(Clone, Default, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Response {
    pub status: Statuses,
    #[serde(deserialize_with = "set_status")]
    pub set_status: Option<u16>,
    pub headers: HeaderEdits,
    /// Beginnings of `Location` and `Content-Location`, and what they become
    #[serde(deserialize_with = "pairs")]
    pub location: Vec<(Beginning, Beginning)>,
    pub body: Option<BodyMapping>,
}

/// What is answered when a body cannot be mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Failure {
    /// The client's does not fit
    #[serde(deserialize_with = "failure")]
    pub request: u16,
    /// The upstream's does not
    #[serde(deserialize_with = "failure")]
    pub response: u16,
    /// It takes too long
    #[serde(deserialize_with = "failure")]
    pub deadline: u16,
}

impl Default for Failure {
    fn default() -> Self {
        Self { request: 400, response: 502, deadline: 504 }
    }
}

/// As it is in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    #[serde(deserialize_with = "name")]
    name: String,
    #[serde(default)]
    r#match: Matched,
    cluster: Option<String>,
    metrics: Option<String>,
    answer: Option<Answer>,
    #[serde(default)]
    request: Request,
    #[serde(default)]
    responses: Vec<Response>,
    #[serde(default)]
    failure: Failure,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Matched {
    host: Option<Host>,
    #[serde(deserialize_with = "values::exact")]
    path: Option<Pattern>,
    #[serde(deserialize_with = "values::prefix")]
    prefix: Option<Pattern>,
    #[serde(deserialize_with = "values::methods")]
    method: Vec<Method>,
    #[serde(deserialize_with = "pairs")]
    headers: Vec<(HeaderName, Wanted)>,
    #[serde(deserialize_with = "pairs")]
    query: Vec<(String, Wanted)>,
}

impl TryFrom<Written> for Route {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let name = written.name;
        let wrong = |wrong: String| format!("the route `{name}`: {wrong}");
        let Matched { host, path, prefix, method: methods, headers, query } = written.r#match;
        if path.is_some() && prefix.is_some() {
            return Err(wrong("it has both a `path` and a `prefix`\nhint: take one of them out".into()));
        }
        let matching = Match { host, path: path.or(prefix), methods, headers, query };
        let to = match (written.cluster, written.metrics, written.answer) {
            (None, None, None) => To::Default,
            (Some(cluster), None, None) => To::Cluster(cluster),
            (None, Some(page), None) => To::Metrics(page),
            (None, None, Some(answer)) => To::Answer(answer),
            _ => {
                let text = "it leads to more than one of `cluster`, `metrics` and `answer`\nhint: leave one of them";
                return Err(wrong(text.into()));
            }
        };
        let (mut request, mut responses) = (written.request, written.responses);
        let answers = responses.iter_mut().filter_map(|response| response.body.as_mut());
        request.body.iter_mut().chain(answers).for_each(BodyMapping::read);
        let route = Self { matching, to, request, responses, failure: written.failure, name: name.clone() };
        route.check().map_err(wrong)?;
        Ok(route)
    }
}

impl Route {
    /// What no field of it can tell alone.
    fn check(&self) -> Result<(), String> {
        let asks = matches!(self.to, To::Default | To::Cluster(_));
        if !asks && self.request != Request::default() {
            return Err("`request` changes what nobody is sent\nhint: it goes with `cluster`".into());
        }
        if !asks && !self.responses.is_empty() {
            return Err("`responses` change what nobody answers\nhint: they go with `cluster`".into());
        }
        if let To::Answer(answer) = &self.to {
            if !answer.body.is_empty() && matches!(answer.status, 204 | 304) {
                let status = answer.status;
                return Err(format!("an answer of {status} has no body\nhint: take `body` out, or write 200"));
            }
            self.check_headers(&answer.headers, false).map_err(|wrong| format!("answer: {wrong}"))?;
        }
        self.check_request().map_err(|wrong| format!("request: {wrong}"))?;
        for response in &self.responses {
            self.check_response(response).map_err(|wrong| format!("responses: {wrong}"))?;
        }
        Ok(())
    }

    fn check_request(&self) -> Result<(), String> {
        let Request { path, query, headers, body, .. } = &self.request;
        if let Some(path) = path {
            self.check_names(path, false)?;
            path.check_path()?;
        }
        for (_, value) in query.set.iter().chain(&query.add) {
            self.check_names(value, false)?;
        }
        self.check_headers(&headers.set, false)?;
        self.check_headers(&headers.add, false)?;
        match body {
            Some(body) if body.stream.is_some() => Err("a body has a `stream`, which is for answers alone".into()),
            Some(body) if body.status.is_some() => Err("a body has a `status`, which is for answers alone".into()),
            Some(body) => headers.check_body().and_then(|()| body.check()),
            None => Ok(()),
        }
    }

    fn check_response(&self, response: &Response) -> Result<(), String> {
        self.check_headers(&response.headers.set, true)?;
        self.check_headers(&response.headers.add, true)?;
        match &response.body {
            Some(body) if body.status.is_some() && response.set_status.is_some() => {
                Err("both `set-status` and the body's `status` say the status\nhint: take one of them out".into())
            }
            Some(body) => response.headers.check_body().and_then(|()| body.check()),
            None => Ok(()),
        }
    }

    fn check_headers(&self, headers: &[(HeaderName, Template)], answered: bool) -> Result<(), String> {
        for (name, value) in headers {
            let wrong = |wrong| format!("`{name}`: {wrong}");
            self.check_names(value, answered).and_then(|()| value.check_header()).map_err(wrong)?;
        }
        Ok(())
    }

    /// Whether there is what a template names.
    fn check_names(&self, template: &Template, answered: bool) -> Result<(), String> {
        let path = self.matching.path.as_ref();
        for variable in template.variables() {
            let hint = match variable {
                _ if variable.is_of_answer() && !answered => "only `responses` know of an answer".into(),
                Variable::Rest if !path.is_some_and(|path| path.is_prefix) => {
                    "it is what follows a prefix: match a `prefix`".into()
                }
                Variable::Part(name) if !path.is_some_and(|path| path.names(name)) => {
                    format!("name it in the path that is matched, such as `/…/{variable}`")
                }
                _ => continue,
            };
            return Err(format!("`{template}` names {variable}, which is not there\nhint: {hint}"));
        }
        Ok(())
    }
}
