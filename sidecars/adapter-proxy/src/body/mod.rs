//! What bodies are made of.

/// Why a body, or what a filter makes of it, cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfit {
    pub what: String,
    /// Where, such as `line 3, column 7`
    pub at: Option<String>,
}

impl Unfit {
    pub fn new(what: String) -> Self {
        Self { what, at: None }
    }
}
