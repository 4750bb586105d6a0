//! Texts with `{variables}`, read with the configuration and filled in for each request.

use super::pattern::{has_dots, is_name};
use super::{Answered, Asked, Parts, Unfit, percent};
use crate::config::is_token;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

/// `/v2/accounts/{id}`; `{{` and `}}` are braces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    pieces: Vec<Piece>,
    written: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Text(String),
    Variable(Variable),
}

/// What a request, or its answer, has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Variable {
    /// `{id}`: a part of the path
    Part(String),
    /// `{rest}`: what follows the prefix, as it was sent
    Rest,
    Method,
    /// As it was sent, perhaps with a port
    Host,
    /// As it was sent, without the query
    Path,
    /// `{query.NAME}`: the last of them
    Query(String),
    /// `{header.NAME}`: the last of them
    Header(String),
    /// `{status}`, of the answer
    Status,
    /// `{response.header.NAME}`: the last of them
    AnswerHeader(String),
}

/// What variables stand for.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub asked: Asked<'a>,
    pub parts: &'a Parts<'a>,
    /// Once there is one
    pub answer: Option<Answered<'a>>,
}

impl Template {
    /// # Errors
    /// Why it is none, and what would be.
    pub fn new(text: &str) -> Result<Self, String> {
        let (mut pieces, mut plain, mut rest) = (vec![], String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            plain.push_str(before);
            rest = if brace.starts_with("{{") || brace.starts_with("}}") {
                plain.push_str(&brace[..1]);
                &brace[2..]
            } else if let Some((name, behind)) = brace.strip_prefix('{').and_then(|brace| brace.split_once('}')) {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Variable(Variable::new(name)?));
                behind
            } else {
                return Err(format!(
                    "`{text}` has a brace without its other one\nhint: `{{{{` and `}}}}` stand for the braces themselves"
                ));
            };
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self { pieces, written: text.into() })
    }

    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(variable),
            Piece::Text(_) => None,
        })
    }

    /// Whether it may be a path.
    ///
    /// # Errors
    /// Why not, and what would be.
    pub fn check_path(&self) -> Result<(), String> {
        match self.pieces.first() {
            Some(Piece::Text(text)) if text.starts_with('/') => {}
            Some(Piece::Variable(Variable::Rest | Variable::Path)) => {}
            _ => return Err(format!("the path `{self}` does not begin with a slash\nhint: `/{self}`")),
        }
        if self.variables().next().is_none() && has_dots(&self.written) {
            return Err(format!("the path `{self}` has dots for segments\nhint: write the path that it leads to"));
        }
        for piece in &self.pieces {
            let Piece::Text(text) = piece else { continue };
            if let Some(wrong) = text.chars().find(|one| !u8::try_from(*one).is_ok_and(may_be_in_path)) {
                let hint = match wrong {
                    '?' => "parameters are set by `query`",
                    _ => "write it percent-encoded, as in a request",
                };
                return Err(format!("`{}` is in no path of a request: `{self}`\nhint: {hint}", wrong.escape_debug()));
            }
            if percent::bytes(text).any(|byte| byte.is_err()) {
                return Err(format!("`{self}` has a `%` without two hexadecimal digits\nhint: `%25` is a `%`"));
            }
        }
        Ok(())
    }

    /// Whether it may be the value of a header field.
    ///
    /// # Errors
    /// Why not.
    pub fn check_header(&self) -> Result<(), String> {
        let texts = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::Variable(_) => None,
        });
        for text in texts {
            if let Some(wrong) = text.bytes().find(|byte| !may_be_in_header(*byte)) {
                let wrong = wrong.escape_ascii();
                return Err(format!("the value of a header field has a control character: `{wrong}`"));
            }
        }
        Ok(())
    }

    /// A path: what variables stand for stays within a segment, but for `{rest}` and `{path}`.
    ///
    /// # Errors
    /// When it names something that there is not, or is one that may mean another path.
    pub fn path(&self, known: &Known) -> Result<String, Unfit> {
        let mut out = vec![];
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Variable(variable) => {
                    let value =
                        variable.value(known).ok_or_else(|| Unfit(format!("there is no {variable} for the path")))?;
                    match variable {
                        Variable::Rest | Variable::Path => out.extend_from_slice(&value),
                        _ => percent::encode(&value, percent::is_in_name, &mut out),
                    }
                }
            }
        }
        if out.first() != Some(&b'/') {
            out.insert(0, b'/');
        }
        let path = String::from_utf8(out).map_err(|_| Unfit("the path is no text".into()))?;
        if has_dots(&path) {
            Err(Unfit(format!("the path would be {path}, which may mean another one")))
        } else {
            Ok(path)
        }
    }

    /// A value of a query, encoded; `None` when it names something that there is not.
    pub fn query(&self, known: &Known) -> Option<Vec<u8>> {
        let mut out = vec![];
        percent::encode(&self.render(known)?, percent::is_unreserved, &mut out);
        Some(out)
    }

    /// The value of a header field; `None` when it names something that there is not.
    ///
    /// # Errors
    /// When no field can have it: a line end would begin another one.
    pub fn header(&self, known: &Known) -> Result<Option<Vec<u8>>, Unfit> {
        let Some(out) = self.render(known) else { return Ok(None) };
        match out.iter().find(|byte| !may_be_in_header(**byte)) {
            Some(wrong) => {
                Err(Unfit(format!("`{self}` would be a field with the control character {}", wrong.escape_ascii())))
            }
            None => Ok(Some(out)),
        }
    }

    fn render(&self, known: &Known) -> Option<Vec<u8>> {
        let mut out = vec![];
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Variable(variable) => out.extend_from_slice(&variable.value(known)?),
            }
        }
        Some(out)
    }
}

impl Display for Template {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Variable {
    fn new(name: &str) -> Result<Self, String> {
        let unknown = || {
            format!(
                "`{{{name}}}` is no variable\nhint: a part of the path such as `{{id}}`, `{{rest}}`, `{{method}}`, \
                 `{{host}}`, `{{path}}`, `{{query.NAME}}`, `{{header.NAME}}`; of an answer `{{status}}`, \
                 `{{response.header.NAME}}`; `{{{{` is a brace"
            )
        };
        Ok(match name {
            "rest" => Self::Rest,
            "method" => Self::Method,
            "host" => Self::Host,
            "path" => Self::Path,
            "status" => Self::Status,
            _ if is_name(name) => Self::Part(name.into()),
            _ => {
                let of = |kind| name.strip_prefix(kind).filter(|name| !name.is_empty());
                let header = |kind| of(kind).filter(|name| is_token(name)).map(String::from);
                of("query.")
                    .map(|name| Self::Query(name.into()))
                    .or_else(|| header("header.").map(Self::Header))
                    .or_else(|| header("response.header.").map(Self::AnswerHeader))
                    .ok_or_else(unknown)?
            }
        })
    }

    /// Whether there is such a thing only once there is an answer.
    pub fn is_of_answer(&self) -> bool {
        matches!(self, Self::Status | Self::AnswerHeader(_))
    }

    fn value<'a>(&self, known: &Known<'a>) -> Option<Cow<'a, [u8]>> {
        let asked = known.asked;
        match self {
            Self::Part(name) => known.parts.get(name).map(|value| value.as_bytes().into()),
            Self::Rest => known.parts.rest.map(|rest| rest.as_bytes().into()),
            Self::Method => Some(asked.method.as_bytes().into()),
            Self::Host => Some(asked.host.as_bytes().into()),
            Self::Path => Some(asked.path.as_bytes().into()),
            Self::Query(name) => asked.parameters(name).last(),
            Self::Header(name) => last(asked.headers, name),
            Self::Status => known.answer.map(|answer| answer.status.to_string().into_bytes().into()),
            Self::AnswerHeader(name) => last(known.answer?.headers, name),
        }
    }
}

fn last<'a>(headers: &'a [httparse::Header<'a>], name: &str) -> Option<Cow<'a, [u8]>> {
    headers.iter().rev().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.into())
}

impl Display for Variable {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::Part(name) => write!(f, "{{{name}}}"),
            Self::Rest => f.write_str("{rest}"),
            Self::Method => f.write_str("{method}"),
            Self::Host => f.write_str("{host}"),
            Self::Path => f.write_str("{path}"),
            Self::Query(name) => write!(f, "{{query.{name}}}"),
            Self::Header(name) => write!(f, "{{header.{name}}}"),
            Self::Status => f.write_str("{status}"),
            Self::AnswerHeader(name) => write!(f, "{{response.header.{name}}}"),
        }
    }
}

fn may_be_in_path(byte: u8) -> bool {
    byte == b'/' || byte == b'%' || percent::is_in_segment(byte)
}

/// RFC 9110, 5.5.
fn may_be_in_header(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

#[cfg(test)]
mod tests;
