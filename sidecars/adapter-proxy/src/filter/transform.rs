//! What is made of a body: read as one format, filtered, written as another one.

use super::frame::{Coding, Made};
use super::program::{Program, Wrong};
use super::stream::{Stream, lines};
use super::variables;
use crate::body::{Format, Limits, Unfit};
use crate::config::BodyMapping;
use jaq_json::Val;
use std::borrow::Cow;

/// With this many APIs end a stream of JSON. It is none, and goes on as it is.
const DONE: &[u8] = b"[DONE]";

pub struct Transform {
    from: Format,
    to: Format,
    filter: Option<Program>,
    status: Option<Program>,
    stream: Option<Stream>,
    /// Of a body, unpacked, in bytes
    most: usize,
    limits: Limits,
}

impl Transform {
    /// # Errors
    /// When one of its filters is none.
    pub fn new(mapping: &BodyMapping, limits: Limits) -> Result<Self, Wrong> {
        let names: Vec<_> = mapping.variables.names().collect();
        let compile = |code: &Option<String>| code.as_deref().map(|code| Program::compile(code, &names)).transpose();
        Ok(Self {
            from: mapping.from.clone(),
            to: mapping.to().clone(),
            filter: compile(&mapping.filter)?,
            status: compile(&mapping.status)?,
            stream: mapping.stream,
            most: mapping.max_body,
            limits,
        })
    }

    /// Deals with a whole body, or with whole items of a stream. `variables` are those that [`variables::write`] wrote.
    ///
    /// # Errors
    /// When the body is not what it should be, or the filter makes of it what cannot be written.
    pub fn make(&self, coding: Coding, variables: &[u8], body: &[u8]) -> Result<Made, Unfit> {
        let variables = variables::read(variables);
        let body = coding.unpack(body, self.most)?;
        let mut made = Made::default();
        match self.stream {
            None => {
                let input = self.from.decode(&body, &self.limits)?;
                made.status = self.status.as_ref().map(|filter| status(filter, &input, &variables)).transpose()?;
                let output = match &self.filter {
                    Some(filter) => only(filter, &input, &variables, "the filter")?,
                    None => Cow::Borrowed(&input),
                };
                self.to.encode(&output, &mut made.body, &self.limits)?;
            }
            Some(Stream::Ndjson) => {
                for line in body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
                    self.each(line, &variables, |item| {
                        made.body.extend_from_slice(item);
                        made.body.push(b'\n');
                        made.body.len()
                    })?;
                }
            }
            Some(Stream::Sse) => self.events(&body, &variables, &mut made.body)?,
        }
        Ok(made)
    }

    /// Gives what is made of one item, one after the other, to `take`, which says how much it has altogether.
    fn each(&self, item: &[u8], variables: &[Val], mut take: impl FnMut(&[u8]) -> usize) -> Result<(), Unfit> {
        let input = self.from.decode(item, &self.limits)?;
        let mut text = vec![];
        let mut write = |value: &Val| {
            text.clear();
            self.to.encode(value, &mut text, &self.limits)?;
            if take(&text) > self.limits.output {
                return Err(Unfit::new(format!("more than {} bytes are made of it", self.limits.output)));
            }
            Ok(())
        };
        let Some(filter) = &self.filter else { return write(&input) };
        let mut written = Ok(());
        filter.each(&input, variables, |output| {
            written = write(&output);
            written.is_ok()
        })?;
        written
    }

    /// Whole server-sent events. What is no data goes on as it is.
    fn events(&self, body: &[u8], variables: &[Val], out: &mut Vec<u8>) -> Result<(), Unfit> {
        let (mut data, mut other, mut has_data): (Vec<u8>, Vec<u8>, bool) = (vec![], vec![], false);
        for line in lines(body) {
            if let Some(value) = line.strip_prefix(b"data").filter(|rest| rest.is_empty() || rest.starts_with(b":")) {
                let value = value.strip_prefix(b":").unwrap_or(value);
                if has_data {
                    data.push(b'\n');
                }
                data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
                has_data = true;
            } else if !line.is_empty() {
                other.extend_from_slice(line);
                other.push(b'\n');
            } else if data == DONE {
                out.extend_from_slice(&other);
                out.extend_from_slice(b"data: [DONE]\n\n");
                (has_data, data, other) = (false, vec![], vec![]);
            } else if has_data {
                self.each(&data, variables, |item| {
                    out.extend_from_slice(&other);
                    for line in item.split(|byte| *byte == b'\n') {
                        out.extend_from_slice(b"data: ");
                        out.extend_from_slice(line);
                        out.push(b'\n');
                    }
                    out.push(b'\n');
                    out.len()
                })?;
                (has_data, data, other) = (false, vec![], vec![]);
            } else {
                out.append(&mut other);
                out.push(b'\n');
            }
        }
        Ok(())
    }
}

fn only<'v>(filter: &'v Program, input: &'v Val, variables: &'v [Val], what: &str) -> Result<Cow<'v, Val>, Unfit> {
    let (mut first, mut more) = (None, false);
    if let Some(one) = filter.one(input, variables) {
        first = one?;
    } else {
        filter.each(input, variables, |output| {
            more = first.is_some();
            first.get_or_insert_with(|| Cow::Owned(output.into_owned()));
            !more
        })?;
    }
    match first {
        None => Err(Unfit::new(format!("{what} gives nothing, where one value is asked for"))),
        Some(_) if more => Err(Unfit::new(format!("{what} gives more than one value: put `[` and `]` around it"))),
        Some(first) => Ok(first),
    }
}

fn status(filter: &Program, input: &Val, variables: &[Val]) -> Result<u16, Unfit> {
    let output = only(filter, input, variables, "the filter of the status")?;
    let number = if let Val::Num(number) = &*output { number.as_isize() } else { None };
    let status = number.and_then(|number| u16::try_from(number).ok()).filter(|status| (200..600).contains(status));
    status.ok_or_else(|| {
        let text: String = output.to_string().chars().take(40).collect();
        Unfit::new(format!("the filter of the status gives {text}: expected a number from 200 to 599"))
    })
}
