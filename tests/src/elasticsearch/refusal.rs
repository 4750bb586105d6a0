//! Errors, as Elasticsearch writes them.

use serde_json::{Value, json};

/// Why a request or an item of one was refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub status: u16,
    /// The name of the exception, in snake case
    pub kind: &'static str,
    pub reason: String,
    pub cause: Option<Box<Refusal>>,
}

impl Refusal {
    pub fn new(status: u16, kind: &'static str, reason: impl Into<String>) -> Self {
        Self { status, kind, reason: reason.into(), cause: None }
    }

    /// A document that cannot be parsed or does not fit the mapping.
    pub fn document(reason: String, kind: &'static str, cause: String) -> Self {
        let cause = Some(Box::new(Self::new(400, kind, cause)));
        Self { cause, ..Self::new(400, "document_parsing_exception", reason) }
    }

    /// What an item's `error` is.
    pub fn error(&self) -> Value {
        let mut error = json!({"type": self.kind, "reason": self.reason});
        if let Some(cause) = &self.cause {
            error["caused_by"] = cause.error();
        }
        error
    }

    /// The body of an answer that refuses a request.
    pub fn body(&self) -> Value {
        let mut error = self.error();
        error["root_cause"] = json!([self.error()]);
        json!({"error": error, "status": self.status})
    }
}
