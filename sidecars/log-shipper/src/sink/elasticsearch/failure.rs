//! Why a request failed as a whole. All of its events are sent again.

use super::answer::{Nonsense, Reason};
use crate::sink::counters::Outcome;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// What it is told by, once for each kind while the sink is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// No connection, or no TLS
    Unreachable,
    TimedOut,
    /// The connection ended before the answer did
    Broken,
    Nonsense,
    /// Not even sent: there is no secret or no CA
    Unprepared,
    /// No event was stored, and all may be later
    Full,
    /// No event was stored, and none will be until somebody has done something
    Blocked,
    Status(u16),
}

/// Its text says what happened, and after `\nhint: ` what to do.
#[derive(Debug)]
pub struct Failure {
    pub kind: Kind,
    pub text: String,
    /// How long the sink asks us to wait
    pub wait: Option<Duration>,
}

impl Failure {
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), wait: None }
    }

    pub fn broken(error: &hyper::Error) -> Self {
        if error.is_parse() {
            return Self::new(Kind::Nonsense, format!("what it answers is not HTTP: {error}"));
        }
        let cause = std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
        Self::new(Kind::Broken, format!("the connection broke off: {error}{cause}"))
    }

    pub fn timed_out(limit: Duration) -> Self {
        Self::new(Kind::TimedOut, format!("no whole answer within {limit:?}"))
    }

    /// Nothing of a request was stored, since the sink has no room for it now, or does not take any.
    pub fn full(reason: &Reason) -> Self {
        let Reason { status, kind, text, remedy } = reason;
        let text = format!("it takes no events now: {status} {kind}: {text}");
        match remedy {
            None => Self::new(Kind::Full, text),
            Some(remedy) => Self::new(Kind::Blocked, format!("{text}\nhint: {remedy}")),
        }
    }

    /// An error of our own side, which has its hint in it.
    pub fn unprepared(error: &anyhow::Error) -> Self {
        Self::new(Kind::Unprepared, gathered(error))
    }

    /// No connection. What the TLS library says is at the end of the chain.
    pub fn unreachable(error: &anyhow::Error) -> Self {
        Self::new(Kind::Unreachable, gathered(error))
    }

    /// Whether another URL may do better.
    pub fn is_this_url(&self) -> bool {
        !matches!(self.kind, Kind::Full | Kind::Blocked | Kind::Unprepared | Kind::Status(413 | 429))
    }

    /// Whether one time says little: a server was restarted, a proxy hung up.
    pub fn may_pass(&self) -> bool {
        matches!(self.kind, Kind::Broken | Kind::Full | Kind::Status(429 | 500..))
    }

    /// Whether there was a connection to send it over.
    pub fn was_sent(&self) -> bool {
        !matches!(self.kind, Kind::Unreachable | Kind::Unprepared)
    }

    pub fn outcome(&self) -> Outcome {
        match self.kind {
            Kind::Unreachable => Outcome::Unreachable,
            Kind::TimedOut => Outcome::TimedOut,
            Kind::Broken => Outcome::Broken,
            Kind::Nonsense => Outcome::Nonsense,
            Kind::Full | Kind::Blocked => Outcome::Answered,
            Kind::Unprepared | Kind::Status(401 | 403) => Outcome::Unauthorized,
            Kind::Status(413) => Outcome::TooLarge,
            Kind::Status(429 | 503) => Outcome::Busy,
            Kind::Status(_) => Outcome::Refused,
        }
    }
}

impl From<Nonsense> for Failure {
    fn from(nonsense: Nonsense) -> Self {
        Self::new(Kind::Nonsense, nonsense.to_string())
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A chain of errors in one line, and the hint of the first that has one.
fn gathered(error: &anyhow::Error) -> String {
    let (mut what, mut hint) = (vec![], None);
    for text in error.chain().map(ToString::to_string) {
        let (said, its) = text.split_once("\nhint: ").map_or((text.as_str(), None), |(said, its)| (said, Some(its)));
        what.push(said.to_owned());
        hint = hint.or(its.map(|its| format!("\nhint: {its}")));
    }
    what.join(": ") + &hint.unwrap_or_default()
}

/// What to do about a status.
pub fn hint(status: u16, location: Option<&str>) -> String {
    match status {
        300..400 => {
            let to = location.map_or("where it leads".into(), |location| format!("`{location}`"));
            format!("\nhint: redirects are not followed; put {to} in `urls`")
        }
        400 => "\nhint: is it Elasticsearch or OpenSearch, and the name of the index or data stream valid?".into(),
        401 => "\nhint: see `auth`; the file of the secret is read again when it changes".into(),
        403 => "\nhint: the user or key needs the privileges `create_doc` and `auto_configure`".into(),
        404 | 405 => "\nhint: does the URL lead to Elasticsearch or OpenSearch? A prefix belongs in it".into(),
        415 => "\nhint: the server may not know `compress: zstd`; every one knows gzip".into(),
        _ => String::new(),
    }
}
