//! What a route makes of a request's head, and what is remembered of it.

use super::super::Refusal;
use super::super::routing::Routing;
use super::MOST_HEADERS;
use crate::filter::Coding;
use crate::route::{Asked, Known, Parts, Rewrite, Route, has_dots, keep_one_type};
use httparse::Header;
use std::mem::MaybeUninit;

/// Of a request that a route takes.
#[derive(Debug)]
pub struct Routed {
    /// The number of the route
    pub route: usize,
    /// How the body is packed; `None` when it is in a way that is not known
    pub coding: Option<Coding>,
    /// The head as it came; empty where nobody will ask for it
    head: Vec<u8>,
}

/// A route that takes the request, and what is sent instead.
pub struct Taken<'a> {
    pub rewrite: Rewrite<'a>,
    pub routed: Routed,
    route: &'a Route,
}

impl<'a> Taken<'a> {
    /// The one there is, if any.
    pub fn of(head: &[u8], asked: &Asked<'_>, routing: &'a Routing) -> Result<Option<Self>, Refusal> {
        let Some((index, route, parts)) = routing.routes.find(asked) else {
            // It might be one of the routes' to whoever gets it.
            let is_doubtful = !routing.routes.is_empty() && has_dots(asked.path);
            return if is_doubtful { Err(Refusal(400, "the path has dots for segments")) } else { Ok(None) };
        };
        let known = Known { asked: *asked, parts: &parts, answer: None };
        let rewrite = route.rewrite(&known).map_err(|_| Refusal(400, "it has not what its route needs of it"))?;
        let mut packings = asked.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("content-encoding"));
        let coding = match (packings.next(), packings.next()) {
            (None, _) => Some(Coding::Identity),
            (Some(header), None) => Coding::of(header.value),
            _ => None,
        };
        let head = if route.remembers() { head.to_vec() } else { vec![] };
        Ok(Some(Self { rewrite, routed: Routed { route: index, coding, head }, route }))
    }

    /// That of the request, or another one. Who asks for a head only gets no body, whatever is asked instead.
    pub fn method<'b>(&'b self, method: &'b str) -> &'b str {
        self.rewrite.method.filter(|new| !(method == "HEAD" && *new == "GET")).unwrap_or(method)
    }

    /// Whether the body is still to be made.
    pub fn maps_body(&self) -> bool {
        self.route.request.body.is_some()
    }

    /// Those that are sent instead of `headers`. What `connection` names is for the client's hop alone.
    pub fn headers<'b>(&'b self, headers: &[Header<'b>], connection: &[&[u8]]) -> Vec<Header<'b>> {
        let (maps, reads) = (self.maps_body(), self.route.reads_answers());
        let named = |name: &str| connection.iter().any(|one| one.eq_ignore_ascii_case(name.as_bytes()));
        let stays = |header: &&Header| {
            let is = |names: &[&str]| names.iter().any(|name| header.name.eq_ignore_ascii_case(name));
            !(named(header.name) || maps && is(&OF_BODIES) || reads && is(&OF_WISHES))
        };
        let mut fields = self.rewrite.headers.apply(headers.iter().filter(stays).copied());
        if maps {
            keep_one_type(&mut fields);
        }
        fields
    }
}

/// What a body that becomes another one has no more.
pub const OF_BODIES: [&str; 6] =
    ["content-type", "content-encoding", "content-md5", "digest", "content-digest", "repr-digest"];

/// What an upstream must not be asked for whose answers are read here: packed ones, and parts.
const OF_WISHES: [&str; 3] = ["accept-encoding", "range", "if-range"];

impl Routed {
    /// Looks at the request again, with the route that took it.
    pub fn again<T>(&self, route: &Route, then: impl FnOnce(&Asked, &Parts) -> Option<T>) -> Option<T> {
        let mut headers = [const { MaybeUninit::uninit() }; MOST_HEADERS];
        let mut parsed = httparse::Request::new(&mut []);
        parsed.parse_with_uninit_headers(&self.head, &mut headers).ok()?;
        let (method, target) = (parsed.method?, parsed.path?);
        let (authority, target) = super::split(method, target).ok()?;
        let named = parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case("host"));
        let host = authority.or_else(|| std::str::from_utf8(named?.value).ok()).unwrap_or_default();
        let asked = Asked::new(method, host, target, parsed.headers);
        let parts = route.matches(&asked).ok()?;
        then(&asked, &parts)
    }
}
