//! Which requests go where, and what becomes of them on the way. The first route that takes a request has it.

mod edit;
mod explain;
mod host;
mod pattern;
mod percent;
mod reach;
mod rewrite;
mod template;
mod wanted;

pub use crate::config::Route;
use crate::config::To;
pub use edit::{Changes, keep_one_type};
pub use explain::explain;
pub use host::Host;
pub use pattern::{Parts, Pattern, has_dots};
pub use reach::unreachable;
pub use rewrite::{Reply, Rewrite};
pub use template::{Known, Template, Variable};
pub use wanted::Wanted;

use httparse::Header;
use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

/// A request, as far as routes look at it: borrowed from its head.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub method: &'a str,
    /// As it was sent, perhaps with a port
    pub host: &'a str,
    /// As it was sent, without the query
    pub path: &'a str,
    /// What follows the first `?`
    pub query: Option<&'a str>,
    pub headers: &'a [Header<'a>],
}

impl<'a> Asked<'a> {
    /// `target` is a path and perhaps a query, or `*` (RFC 9112, 3.2.1 and 3.2.4).
    pub fn new(method: &'a str, host: &'a str, target: &'a str, headers: &'a [Header<'a>]) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        Self { method, host, path, query, headers }
    }

    /// The values of a parameter, decoded; one without `=` is empty.
    pub fn parameters(self, name: &str) -> impl Iterator<Item = Cow<'a, [u8]>> {
        self.pairs().filter(move |(known, _)| **known == *name.as_bytes()).map(|(_, value)| value)
    }

    /// All parameters, decoded.
    pub fn pairs(self) -> impl Iterator<Item = (Cow<'a, [u8]>, Cow<'a, [u8]>)> {
        let pairs = self.query.unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let named = pairs.filter(|(name, _)| !name.is_empty());
        named.map(|(name, value)| (percent::decode_form(name), percent::decode_form(value)))
    }
}

/// An answer, as far as templates name it.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    pub status: u16,
    pub headers: &'a [Header<'a>],
}

/// Why a request, or an answer, cannot be what a route makes of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfit(pub String);

impl Display for Unfit {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a route does not take a request: the first reason, cheapest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mismatch<'a> {
    Method,
    Path,
    Host,
    Header(&'a str),
    Query(&'a str),
}

/// Those of a listener, in the order in which they are tried.
#[derive(Default, Debug)]
pub struct Routes(Vec<Route>);

impl Routes {
    pub fn new(routes: &[Route]) -> Self {
        Self(routes.to_vec())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, number: usize) -> Option<&Route> {
        self.0.get(number)
    }

    /// The first that takes the request, its number from 0, and the parts of the path.
    pub fn find<'r: 'a, 'a>(&'r self, asked: &Asked<'a>) -> Option<(usize, &'r Route, Parts<'a>)> {
        let mut routes = self.0.iter().enumerate();
        routes.find_map(|(index, route)| Some((index, route, route.matches(asked).ok()?)))
    }
}

impl Route {
    /// Whether the head of a request is looked at once more, when its body or its answer is there.
    pub fn remembers(&self) -> bool {
        let of_body = self.request.body.as_ref().is_some_and(|body| !body.variables.is_empty());
        of_body || !self.responses.is_empty() || matches!(self.to, To::Answer(_) | To::Metrics(_))
    }

    /// Whether bodies of answers are read here.
    pub fn reads_answers(&self) -> bool {
        self.responses.iter().any(|response| response.body.is_some())
    }

    /// The parts of the path.
    ///
    /// # Errors
    /// Why it is not for this request.
    pub fn matches<'a>(&'a self, asked: &Asked<'a>) -> Result<Parts<'a>, Mismatch<'a>> {
        let wanted = &self.matching;
        if !wanted.methods.is_empty() && !wanted.methods.iter().any(|method| **method == *asked.method) {
            return Err(Mismatch::Method);
        }
        let parts = match &wanted.path {
            Some(path) => path.matches(asked.path).ok_or(Mismatch::Path)?,
            None => Parts::default(),
        };
        if wanted.host.as_ref().is_some_and(|host| !host.matches(asked.host)) {
            return Err(Mismatch::Host);
        }
        for (name, value) in &wanted.headers {
            let named = asked.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
            if !value.is_met_by(named.map(|header| header.value)) {
                return Err(Mismatch::Header(name));
            }
        }
        for (name, value) in &wanted.query {
            if !value.is_met_by(asked.parameters(name)) {
                return Err(Mismatch::Query(name));
            }
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests;
