//! What bodies are written in.

use serde::Deserialize;
use std::fmt::{self, Display, Formatter};

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Json,
    Xml,
    Yaml,
    Form,
    Text,
    Lines(String),
    Pairs(String),
    Csv,
    None,
}

impl Display for Format {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Yaml => "yaml",
            Self::Form => "form",
            Self::Text => "text",
            Self::Lines(_) => "lines",
            Self::Pairs(_) => "pairs",
            Self::Csv => "csv",
            Self::None => "none",
        })
    }
}
