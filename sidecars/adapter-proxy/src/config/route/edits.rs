//! Changes of header fields and of queries.

use super::values::{HeaderName, Parameter, pairs};
use crate::route::Template;
use serde::Deserialize;

/// In this order: what is renamed can be removed, and what is removed can be set.
#[derive(Clone, Default, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct HeaderEdits {
    /// From its name to another one
    #[serde(deserialize_with = "pairs")]
    pub rename: Vec<(HeaderName, HeaderName)>,
    pub remove: Vec<HeaderName>,
    /// Instead of all that have the name; none is left when the template names something that there is not
    #[serde(deserialize_with = "pairs")]
    pub set: Vec<(HeaderName, Template)>,
    /// Besides those that have the name
    #[serde(deserialize_with = "pairs")]
    pub add: Vec<(HeaderName, Template)>,
}

impl HeaderEdits {
    /// Those of a message whose body is made anew.
    ///
    /// # Errors
    /// When they say of it what is not so.
    pub fn check_body(&self) -> Result<(), String> {
        let written = self.set.iter().chain(&self.add).map(|(name, _)| name);
        let mut named = written.chain(self.rename.iter().map(|(_, name)| name));
        match named.find(|name| name.eq_ignore_ascii_case("content-encoding")) {
            Some(name) => Err(format!("`{name}`: a body that is mapped is sent as it is written\nhint: take it out")),
            None => Ok(()),
        }
    }
}

/// The same of parameters, of which all but some may be left out first.
#[derive(Clone, Default, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct QueryEdits {
    pub only: Option<Vec<Parameter>>,
    #[serde(deserialize_with = "pairs")]
    pub rename: Vec<(Parameter, Parameter)>,
    pub remove: Vec<Parameter>,
    #[serde(deserialize_with = "pairs")]
    pub set: Vec<(Parameter, Template)>,
    #[serde(deserialize_with = "pairs")]
    pub add: Vec<(Parameter, Template)>,
}
