//! Routes that no request ever comes to, since one before takes all that they would.

use super::Route;
use crate::config::Match;

/// Of the routes of a listener, a line for each that can never match. It looks at one earlier route at a time: two that
/// together take all are not found.
pub fn unreachable(routes: &[Route]) -> Vec<String> {
    let hidden = routes.iter().enumerate().filter_map(|(index, route)| {
        let before = routes[..index].iter().find(|before| covers(&before.matching, &route.matching))?;
        Some((before, route))
    });
    let text = |(before, route): (&Route, &Route)| {
        format!("route `{}` can never match: `{}` comes first and takes all of it", route.name, before.name)
    };
    hidden.map(text).collect()
}

/// Whether all that is wanted is met by whatever meets `other`.
fn covers(wanted: &Match, other: &Match) -> bool {
    let host = wanted.host.as_ref().is_none_or(|host| other.host.as_ref().is_some_and(|other| host.covers(other)));
    let path = wanted.path.as_ref().is_none_or(|path| other.path.as_ref().is_some_and(|other| path.covers(other)));
    let methods = wanted.methods.is_empty()
        || !other.methods.is_empty() && other.methods.iter().all(|method| wanted.methods.contains(method));
    let headers = wanted.headers.iter().all(|(name, wanted)| {
        let mut others = other.headers.iter();
        others.any(|(other_name, other)| other_name == name && wanted.covers(other))
    });
    let query = wanted.query.iter().all(|(name, wanted)| {
        let mut others = other.query.iter();
        others.any(|(other_name, other)| other_name == name && wanted.covers(other))
    });
    host && path && methods && headers && query
}

#[cfg(test)]
mod tests {
    use super::unreachable;
    use crate::route::Route;

    /// Those of some matches, each called by its number.
    fn lines(matches: &[&str]) -> Vec<String> {
        let route = |(number, text): (usize, &&str)| {
            let text = format!("{{name: r{number}, match: {{{text}}}, cluster: c}}");
            chassis::config::parse(std::path::Path::new("route.yaml"), &text).unwrap()
        };
        unreachable(&matches.iter().enumerate().map(route).collect::<Vec<Route>>())
    }

    #[test]
    fn what_is_taken_before() {
        for [first, second] in [
            ["", "path: /a"],
            ["path: '/{a}'", "path: /x, method: GET"],
            ["prefix: /a", "path: '/a/{b}', host: x.example"],
            ["host: '*.example'", "host: a.b.example, path: /"],
            ["method: [GET, HEAD]", "method: HEAD"],
            ["headers: {X-A: {present: true}}", "headers: {x-a: '1', x-b: '2'}"],
            ["query: {v: {like: '1*'}}", "query: {v: '10'}"],
        ] {
            let line = "route `r1` can never match: `r0` comes first and takes all of it";
            assert_eq!(lines(&[first, second]), [line], "{first}; {second}");
            assert_eq!(lines(&[second, first]), [""; 0], "{second}; {first}");
        }
        assert_eq!(lines(&["path: /a", "path: /b", "prefix: /", "method: GET, path: /b"]).len(), 1);
    }

    #[test]
    fn what_is_not() {
        for [first, second] in [
            ["path: /a", "path: /b"],
            ["path: '/{a}'", "path: /"],
            ["path: '/{a}'", "path: '/%ff'"],
            ["prefix: /", "method: OPTIONS"], // which may ask of `*`
            ["method: GET", "method: [GET, POST]"],
            ["method: GET", ""],
            ["headers: {a: '1'}", "headers: {a: {present: true}}"],
            ["headers: {a: {present: false}}", "headers: {b: {present: false}}"],
            ["headers: {a: '1'}", "query: {a: '1'}"],
            ["host: a.example", "host: '*.example'"],
        ] {
            assert_eq!(lines(&[first, second]), [""; 0], "{first}; {second}");
        }
    }
}
