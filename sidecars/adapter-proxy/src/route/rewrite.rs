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

#[cfg(test)]
mod tests {
    use crate::config::To;
    use crate::route::{Answered, Asked, Known, Route};
    use httparse::Header;

    fn route(text: &str) -> Route {
        chassis::config::parse(std::path::Path::new("route.yaml"), &format!("{{name: r, {text}}}")).unwrap()
    }

    #[test]
    fn targets() {
        for (text, target, sent) in [
            ("request: {}", "/a?b", None),
            ("request: {path: /x}", "/a?b", Some("/x?b")),
            ("request: {path: /x}", "/a?", Some("/x?")),
            ("request: {path: /x}", "/a", Some("/x")),
            ("request: {query: {remove: [b]}}", "/a?b", Some("/a")),
            ("request: {query: {set: {c: '{method}'}}}", "/a?b", Some("/a?b&c=GET")),
            ("request: {path: '/x{path}', query: {add: {c: '{path}'}}}", "/a%20b", Some("/x/a%20b?c=%2Fa%2520b")),
            ("request: {query: {set: {c: d}}}", "*", None), // which cannot have a query
            ("request: {path: /x, query: {set: {c: d}}}", "*", Some("/x?c=d")),
        ] {
            let route = route(text);
            let asked = Asked::new("GET", "", target, &[]);
            let parts = route.matches(&asked).unwrap();
            let rewrite = route.rewrite(&Known { asked, parts: &parts, answer: None }).unwrap();
            assert_eq!(rewrite.target.as_deref(), sent, "{text}: {target}");
        }
    }

    #[test]
    fn answers() {
        let route = route(
            "match: {path: '/{id}'}, responses: [{status: 404, set-status: 410}, {status: [2xx, 301-303],
            headers: {set: {x: '{status} {id} {response.header.etag}'}}, location: {/v2: /v1}}]",
        );
        let headers = [Header { name: "ETag", value: b"e" }, Header { name: "location", value: b"/v2/a" }];
        let asked = Asked::new("GET", "", "/7", &[]);
        let parts = route.matches(&asked).unwrap();
        for (status, sent, line) in
            [(404, Some(410), "/v2/a"), (302, None, "/v1/a 302 7 e"), (200, None, "/v1/a 200 7 e")]
        {
            let known = Known { asked, parts: &parts, answer: Some(Answered { status, headers: &headers }) };
            let reply = route.response(status).unwrap().reply(&known).unwrap();
            assert_eq!(reply.status, sent);
            let fields = reply.headers.apply(headers);
            let values: Vec<_> = fields.iter().skip(1).map(|field| str::from_utf8(field.value).unwrap()).collect();
            assert_eq!(values.join(" "), line);
        }
        assert!(route.response(304).is_none() && route.response(500).is_none());
    }

    #[test]
    fn answers_of_its_own() {
        let route =
            route("match: {prefix: /old}, answer: {status: 301, headers: {location: '/new{rest}', x: '{query.no}'}}");
        let asked = Asked::new("GET", "", "/old/a", &[]);
        let parts = route.matches(&asked).unwrap();
        let To::Answer(answer) = &route.to else { panic!("{:?}", route.to) };
        let fields = answer.fields(&Known { asked, parts: &parts, answer: None }).unwrap();
        assert_eq!(fields, [("location", b"/new/a".to_vec())]);
    }
}
