//! What is sent instead of what was asked, and instead of what was answered.

use super::edit::{self, Changes};
use super::template::Known;
use super::{Route, Unfit};
use crate::config::{Answer, QueryEdits, Response};

/// Of the head of a request: what is `None` stays as it is.
#[derive(Debug)]
pub struct Rewrite<'a> {
    pub method: Option<&'a str>,
    /// With the query
    pub target: Option<String>,
    pub host: Option<&'a str>,
    pub headers: Changes<'a>,
}

/// Of the head of an answer.
#[derive(Debug)]
pub struct Reply<'a> {
    pub status: Option<u16>,
    pub headers: Changes<'a>,
}

impl Route {
    /// # Errors
    /// When the request has not what the route needs of it, or what no head can have.
    pub fn rewrite<'a>(&'a self, known: &Known) -> Result<Rewrite<'a>, Unfit> {
        let request = &self.request;
        let asked = &known.asked;
        let keeps_query = request.query == QueryEdits::default() || asked.path == "*" && request.path.is_none();
        let target = if request.path.is_none() && keeps_query {
            None
        } else {
            let path = request.path.as_ref().map(|path| path.path(known)).transpose()?;
            let mut target = path.unwrap_or_else(|| asked.path.into());
            let edited = if keeps_query { None } else { edit::query(&request.query, asked.query, known) };
            if let Some(query) = if keeps_query { asked.query } else { edited.as_deref() } {
                target.push('?');
                target.push_str(query);
            }
            Some(target)
        };
        let headers = Changes::new(&request.headers, known)?;
        Ok(Rewrite { method: request.method.as_deref(), target, host: request.host.as_deref(), headers })
    }

    /// What is for an answer with this status.
    pub fn response(&self, status: u16) -> Option<&Response> {
        self.responses.iter().find(|response| response.status.contains(status))
    }
}

impl Response {
    /// # Errors
    /// When a field would have what none can have.
    pub fn reply<'a>(&'a self, known: &Known<'a>) -> Result<Reply<'a>, Unfit> {
        let fields = known.answer.map_or(&[][..], |answer| answer.headers);
        let headers = Changes::new(&self.headers, known)?.moving(&self.location, fields);
        Ok(Reply { status: self.set_status, headers })
    }
}

impl Answer {
    /// Its header fields, but for the length of the body.
    ///
    /// # Errors
    /// When one would have what none can have.
    pub fn fields(&self, known: &Known) -> Result<Vec<(&str, Vec<u8>)>, Unfit> {
        let mut fields = vec![];
        for (name, value) in &self.headers {
            if let Some(value) = value.header(known)? {
                fields.push((&**name, value));
            }
        }
        Ok(fields)
    }
}
