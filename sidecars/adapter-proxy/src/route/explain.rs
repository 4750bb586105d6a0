//! Why a request takes the way that it does, in words.

use super::{Asked, Mismatch, Parts, Route, Wanted};
use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};

/// Writes why each route before the one that takes the request does not, which one does, and the parts of its path; this one is returned.
///
/// # Errors
/// When `out` takes no more.
pub fn explain<'a>(
    out: &mut impl Write,
    routes: &'a [Route],
    asked: &Asked<'a>,
) -> io::Result<Option<(usize, &'a Route, Parts<'a>)>> {
    for (number, route) in routes.iter().enumerate() {
        match route.matches(asked) {
            Ok(parts) => {
                writeln!(out, "route `{}` takes it", route.name)?;
                for (name, value) in &parts.named {
                    writeln!(out, "  {{{name}}} is {value}")?;
                }
                if let Some(rest) = parts.rest {
                    writeln!(out, "  {{rest}} is {}", if rest.is_empty() { "nothing" } else { rest })?;
                }
                return Ok(Some((number, route, parts)));
            }
            Err(mismatch) => {
                writeln!(out, "route `{}` does not take it: {}", route.name, mismatch.why(route, asked))?;
            }
        }
    }
    Ok(None)
}

impl Mismatch<'_> {
    /// In words, of this route and this request.
    fn why(self, route: &Route, asked: &Asked) -> String {
        let wanted = &route.matching;
        match self {
            Self::Method => {
                let methods: Vec<&str> = wanted.methods.iter().map(|method| &**method).collect();
                format!("the method is {}, not {}", asked.method, methods.join(" or "))
            }
            Self::Path => match &wanted.path {
                Some(path) if path.is_prefix => format!("the path is {}, not {path} or below", asked.path),
                path => format!("the path is {}, not {}", asked.path, shown(path.as_ref())),
            },
            Self::Host => format!("the host is {}, not {}", asked.host, shown(wanted.host.as_ref())),
            Self::Header(name) => {
                let named = asked.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
                let values: Vec<_> = named.map(|header| header.value.into()).collect();
                let wanted = wanted.headers.iter().find(|(known, _)| **known == *name);
                differs(&format!("header field `{name}`"), &values, wanted.map(|(_, wanted)| wanted))
            }
            Self::Query(name) => {
                let wanted = wanted.query.iter().find(|(known, _)| *known == name);
                let values: Vec<_> = asked.parameters(name).collect();
                differs(&format!("parameter `{name}`"), &values, wanted.map(|(_, wanted)| wanted))
            }
        }
    }
}

fn differs(what: &str, values: &[Cow<[u8]>], wanted: Option<&Wanted>) -> String {
    let values: Vec<_> = values.iter().map(|value| String::from_utf8_lossy(value)).collect();
    match wanted {
        _ if values.is_empty() => format!("there is no {what}"),
        Some(Wanted::Present(_)) => format!("there is a {what}"),
        wanted => format!("the {what} is {}, not {}", values.join(" and "), shown(wanted)),
    }
}

fn shown(one: Option<&impl Display>) -> String {
    one.map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::explain;
    use crate::route::{Asked, Route};
    use httparse::Header;

    const ROUTES: &str = "
- {name: post, match: {method: [POST, PUT]}}
- {name: page, match: {path: /page}}
- {name: below, match: {prefix: /page}}
- {name: host, match: {host: '*.example.com'}}
- {name: exactly, match: {headers: {x-version: '1'}}}
- {name: like, match: {headers: {X-Version: {like: 'v*'}}}}
- {name: present, match: {headers: {x-none: {present: true}}}}
- {name: absent, match: {headers: {x-version: {present: false}}}}
- {name: parameter, match: {query: {format: xml}}}
- {name: no-parameter, match: {query: {style: {like: '*'}}}}
- {name: user, match: {prefix: '/users/{id}', query: {format: {like: 'j*'}}}}
- {name: never}
";

    #[test]
    fn each_reason() {
        let routes: Vec<Route> = chassis::config::parse(std::path::Path::new("routes.yaml"), ROUTES).unwrap();
        let headers = [Header { name: "x-version", value: b"2" }, Header { name: "X-Version", value: b"3" }];
        let asked = Asked::new("GET", "localhost:80", "/users/a%20b/c?format=json", &headers);
        let mut out = vec![];
        let (_, route, parts) = explain(&mut out, &routes, &asked).unwrap().unwrap();
        assert_eq!((&*route.name, parts.rest), ("user", Some("/c")));
        let expected = "route `post` does not take it: the method is GET, not POST or PUT
route `page` does not take it: the path is /users/a%20b/c, not /page
route `below` does not take it: the path is /users/a%20b/c, not /page or below
route `host` does not take it: the host is localhost:80, not *.example.com
route `exactly` does not take it: the header field `x-version` is 2 and 3, not 1
route `like` does not take it: the header field `X-Version` is 2 and 3, not like v*
route `present` does not take it: there is no header field `x-none`
route `absent` does not take it: there is a header field `x-version`
route `parameter` does not take it: the parameter `format` is json, not xml
route `no-parameter` does not take it: there is no parameter `style`
route `user` takes it
  {id} is a b
  {rest} is /c
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
