//! The formats, as the configuration and `Content-Type` name them.

use super::Pattern;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt::{self, Display, Formatter};

const EXPECTED: &str = "`json`, `xml`, `yaml`, `form`, `text`, `csv`, `none`, `{lines: REGEX}` or `{pairs: SEPARATOR}`";

/// What bytes are taken for, or written as.
#[derive(Clone, PartialEq, Debug)]
pub enum Format {
    Json,
    Xml,
    Yaml,
    /// `application/x-www-form-urlencoded`
    Form,
    /// One string
    Text,
    /// Those that match, each as the object of its named groups
    Lines(Pattern),
    /// Lines `key<separator>value`; the separator ` ` stands for any white space
    Pairs(String),
    Csv,
    /// Whatever it is, it is null
    None,
}

impl Format {
    pub fn can_encode(&self) -> bool {
        !matches!(self, Self::Lines(_) | Self::None)
    }

    /// Of what [`Self::encode`] writes.
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
            Self::Yaml => "application/yaml",
            Self::Form => "application/x-www-form-urlencoded",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Text | Self::Lines(_) | Self::Pairs(_) | Self::None => "text/plain; charset=utf-8",
        }
    }
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

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Format;

            fn expecting(&self, f: &mut Formatter) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Format, E> {
                Ok(match name {
                    "json" => Format::Json,
                    "xml" => Format::Xml,
                    "yaml" => Format::Yaml,
                    "form" => Format::Form,
                    "text" => Format::Text,
                    "csv" => Format::Csv,
                    "none" => Format::None,
                    "lines" => {
                        return Err(E::custom(
                            "`lines` takes a regular expression\nhint: `{lines: '^(?<name>\\w+) +(?<value>\\d+)'}`",
                        ));
                    }
                    "pairs" => return Err(E::custom("`pairs` takes a separator\nhint: `{pairs: \":\"}`")),
                    _ => return Err(E::custom(format_args!("expected {EXPECTED}, found `{name}`"))),
                })
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Format, M::Error> {
                let format = match map.next_key::<String>()?.as_deref() {
                    Some("lines") => Format::Lines(map.next_value()?),
                    Some("pairs") => Format::Pairs(map.next_value::<Separator>()?.0),
                    Some(name) => {
                        return Err(M::Error::custom(format_args!("expected {EXPECTED}, found `{{{name}: …}}`")));
                    }
                    None => return Err(M::Error::custom(format_args!("expected {EXPECTED}"))),
                };
                match map.next_key::<String>()? {
                    Some(name) => Err(M::Error::custom(format_args!("a body has one format: `{name}` is another"))),
                    None => Ok(format),
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

struct Separator(String);

impl<'de> Deserialize<'de> for Separator {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() || text.contains('\n') || text.starts_with('#') {
            return Err(D::Error::custom(format_args!(
                "expected what is between key and value, such as `\":\"` or `\" \"`, found `{text}`"
            )));
        }
        Ok(Self(text))
    }
}
