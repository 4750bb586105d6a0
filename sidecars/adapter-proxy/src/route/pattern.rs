//! Paths that a route takes.

use super::percent;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};

/// `/v1/users/{id}`, or all paths that begin with such segments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    segments: Vec<Segment>,
    /// Whether more segments may follow
    pub is_prefix: bool,
    written: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Segment {
    /// What it says when it is decoded
    Literal(Vec<u8>),
    /// The name of what stands there
    Part(String),
}

/// What a path has where its route's has names.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Parts<'a> {
    /// By their names, decoded
    pub named: Vec<(&'a str, Cow<'a, str>)>,
    /// What follows a prefix, as it was written: nothing, or `/…`
    pub rest: Option<&'a str>,
}

impl Parts<'_> {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.named.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }
}

impl Pattern {
    /// One path: a trailing slash matters.
    ///
    /// # Errors
    /// Why it is none, and what would be.
    pub fn exact(text: &str) -> Result<Self, String> {
        Self::new(text, false)
    }

    /// All paths that are this one, or go on behind it with a slash.
    ///
    /// # Errors
    /// Why it is none, and what would be.
    pub fn prefix(text: &str) -> Result<Self, String> {
        if let Some(shorter) = text.strip_suffix('/').filter(|shorter| !shorter.is_empty()) {
            return Err(format!(
                "the prefix `{text}` ends in a slash\nhint: `{shorter}` is for `{shorter}` and `{shorter}/…`"
            ));
        }
        Self::new(text, true)
    }

    fn new(text: &str, is_prefix: bool) -> Result<Self, String> {
        let Some(path) = text.strip_prefix('/') else {
            return Err(format!("`{text}` is no path\nhint: a path begins with a slash, such as `/v1/users/{{id}}`"));
        };
        let mut segments = vec![];
        // The prefix `/` has no segment of its own: it is for all.
        for segment in path.split('/').filter(|_| !(is_prefix && path.is_empty())) {
            let segment = Segment::of(segment).map_err(|wrong| format!("the path `{text}`: {wrong}"))?;
            if let Segment::Part(name) = &segment
                && segments.contains(&segment)
            {
                return Err(format!("the path `{text}` has two parts `{{{name}}}`\nhint: give each a name of its own"));
            }
            segments.push(segment);
        }
        Ok(Self { segments, is_prefix, written: text.into() })
    }

    /// The parts of `path`, which is as it was sent and without a query; `None` if it is another one. A part is one
    /// segment that is not empty, and UTF-8 without NUL when it is decoded. Neither a part nor the rest has `.` or `..`
    /// for a segment: those may mean another path to whoever gets them.
    pub fn matches<'a>(&'a self, path: &'a str) -> Option<Parts<'a>> {
        let mut rest = path;
        // The cheap part first, so that nothing is decoded in vain.
        for segment in &self.segments {
            let (one, behind) = first(rest)?;
            let fits = match segment {
                Segment::Literal(literal) => is(one, literal),
                Segment::Part(_) => !one.is_empty(),
            };
            if !fits {
                return None;
            }
            rest = behind;
        }
        let rest = match self.is_prefix {
            true if (rest.is_empty() || rest.starts_with('/')) && !has_dots(rest) => Some(rest),
            false if rest.is_empty() => None,
            _ => return None,
        };
        let mut parts = Parts { named: vec![], rest };
        let mut left = path;
        for segment in &self.segments {
            let (one, behind) = first(left)?;
            left = behind;
            if let Segment::Part(name) = segment {
                let value = percent::decode(one).filter(|value| !value.contains('\0') && !has_dots(one))?;
                parts.named.push((name, value));
            }
        }
        Some(parts)
    }

    /// Whether a template may name it.
    pub fn names(&self, part: &str) -> bool {
        self.segments.iter().any(|segment| matches!(segment, Segment::Part(name) if name == part))
    }

    /// Whether it matches all that `other` does.
    pub fn covers(&self, other: &Self) -> bool {
        let (length, other_length) = (self.segments.len(), other.segments.len());
        let as_long = if self.is_prefix { length <= other_length } else { length == other_length && !other.is_prefix };
        as_long && self.segments.iter().zip(&other.segments).all(|(segment, other)| segment.covers(other))
    }
}

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Segment {
    fn of(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            return match name {
                "rest" | "method" | "host" | "path" | "status" => {
                    Err(format!("`{{{name}}}` means something else already\nhint: give the part another name"))
                }
                name if is_name(name) => Ok(Self::Part(name.into())),
                name => Err(format!(
                    "`{{{name}}}` is no name of a part\nhint: letters, digits, `_` and `-`, such as `{{user-id}}`"
                )),
            };
        }
        if text.contains(['{', '}']) {
            return Err(format!("`{text}` is more than a part\nhint: a part is a whole segment, such as `/{{id}}/`"));
        }
        if let Some(wrong) = text.chars().find(|one| !one.is_ascii_graphic() || "?#\"<>\\^`|".contains(*one)) {
            let hint = match wrong {
                '?' => "a query is matched by `query`",
                _ => "write it percent-encoded, as in a request",
            };
            return Err(format!("`{}` is in no path of a request\nhint: {hint}", wrong.escape_debug()));
        }
        let bytes: Vec<u8> = percent::bytes(text)
            .collect::<Result<_, _>>()
            .map_err(|()| format!("`{text}` has a `%` without two hexadecimal digits\nhint: `%25` is a `%`"))?;
        if has_dots(text) {
            return Err(format!("`{text}` is a step, not a name\nhint: write the path that it leads to"));
        }
        Ok(Self::Literal(bytes))
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(literal), Self::Literal(other)) => literal == other,
            (Self::Literal(_), Self::Part(_)) => false,
            (Self::Part(_), Self::Part(_)) => true,
            (Self::Part(_), Self::Literal(other)) => {
                !other.is_empty() && !other.contains(&0) && str::from_utf8(other).is_ok()
            }
        }
    }
}

/// The first segment of what begins with a slash, and what follows it.
fn first(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    // Segments are short: a search made for long texts takes longer to begin.
    Some(path.split_at(path.bytes().position(|byte| byte == b'/').unwrap_or(path.len())))
}

/// Whether it is this when it is decoded.
fn is(segment: &str, literal: &[u8]) -> bool {
    // What is encoded is longer.
    match segment.len().cmp(&literal.len()) {
        Ordering::Less => false,
        Ordering::Equal => segment.as_bytes() == literal && !literal.contains(&b'%'),
        Ordering::Greater => percent::bytes(segment).eq(literal.iter().map(|byte| Ok(*byte))),
    }
}

/// Whether a segment of it is `.` or `..`, as anybody may read it: there are servers that decode a path before they split
/// it, such that take a backslash for a slash, and such that take `;` and what follows it out of a segment first.
pub fn has_dots(path: &str) -> bool {
    if memchr::memchr2(b'.', b'%', path.as_bytes()).is_none() {
        return false;
    }
    let (mut dots, mut others, mut has_ended) = (0, false, false);
    for byte in percent::bytes(path).chain([Ok(b'/')]) {
        match byte {
            Ok(b'/' | b'\\') if !others && matches!(dots, 1 | 2) => return true,
            Ok(b'/' | b'\\') => (dots, others, has_ended) = (0, false, false),
            _ if has_ended => {}
            Ok(b';') => has_ended = true,
            Ok(b'.') => dots += 1,
            _ => others = true,
        }
    }
    false
}

/// Of a part: something that a filter can name, too.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::{Parts, Pattern};

    fn named<'a>(pattern: &'a Pattern, path: &'a str) -> Option<Vec<(&'a str, String)>> {
        let Parts { named, .. } = pattern.matches(path)?;
        Some(named.into_iter().map(|(name, value)| (name, value.into_owned())).collect())
    }

    #[test]
    fn exact_paths() {
        let users = Pattern::exact("/v1/users").unwrap();
        for path in ["/v1/users", "/v1/user%73", "/%761/users"] {
            assert!(users.matches(path).is_some(), "{path}");
        }
        for path in ["/v1/users/", "/v1//users", "/v1", "/v1/user", "/v1/users2", "/V1/users", "*", "", "v1/users"] {
            assert!(users.matches(path).is_none(), "{path}");
        }
        let slash = Pattern::exact("/v1/").unwrap();
        assert!(slash.matches("/v1/").is_some() && slash.matches("/v1").is_none() && slash.matches("/v1//").is_none());
        assert!(Pattern::exact("/").unwrap().matches("/").is_some());
        let escaped = Pattern::exact("/100%25/a%2Fb").unwrap();
        assert!(escaped.matches("/100%25/a%2fb").is_some());
        assert!(escaped.matches("/100%/a%2Fb").is_none() && escaped.matches("/100%25/a/b").is_none());
    }

    #[test]
    fn parts() {
        let pattern = Pattern::exact("/v1/{kind}/x/{id}").unwrap();
        let parts = |path| named(&pattern, path);
        assert_eq!(parts("/v1/users/x/7"), Some(vec![("kind", "users".into()), ("id", "7".into())]));
        assert_eq!(parts("/v1/a%2Fb/x/%C3%BC+"), Some(vec![("kind", "a/b".into()), ("id", "ü+".into())]));
        assert_eq!(parts("/v1/a;../x/%3b."), Some(vec![("kind", "a;..".into()), ("id", ";.".into())]));
        for path in [
            "/v1//x/7",
            "/v1/users/x/",
            "/v1/users/x",
            "/v1/users/y/7",
            "/v1/users/x/7/",
            "/v1/%ff/x/7",
            "/v1/%00/x/7",
            "/v1/%/x/7",
            "/v1/../x/7",
            "/v1/%2E./x/7",
            "/v1/./x/7",
            "/v1/a%2f..%2Fb/x/7",
            "/v1/..%5cb/x/7",
            "/v1/..;/x/7",
            "/v1/..%3Bb/x/7",
            "/v1/.;b/x/7",
        ] {
            assert_eq!(parts(path), None, "{path}");
        }
    }

    #[test]
    fn prefixes() {
        let pattern = Pattern::prefix("/v1/{kind}").unwrap();
        let rest = |path| pattern.matches(path).and_then(|parts| parts.rest);
        assert_eq!(rest("/v1/users"), Some(""));
        assert_eq!(rest("/v1/users/"), Some("/"));
        assert_eq!(rest("/v1/users/a%2fb//c"), Some("/a%2fb//c"));
        assert_eq!(rest("/v1/users/.../..a/.a/%zz."), Some("/.../..a/.a/%zz."));
        for path in [
            "/v1",
            "/v1/",
            "/v10/users",
            "/v1/users/../x",
            "/v1/users/%2e%2E",
            "/v1/users/a/.",
            "/v1/users/a%2f..",
            "/v1/users/..\\a",
            "/v1/users/..;a/x",
            "/v1/users/%2e%3B",
        ] {
            assert_eq!(rest(path), None, "{path}");
        }
        let v1 = Pattern::prefix("/v1").unwrap();
        assert!(v1.matches("/v10").is_none() && v1.matches("/v1/0").is_some());
        let all = Pattern::prefix("/").unwrap();
        assert_eq!(all.matches("/a/b").and_then(|parts| parts.rest), Some("/a/b"));
        assert!(all.matches("*").is_none());
    }

    #[test]
    fn what_is_no_pattern() {
        for (text, word) in [
            ("v1", "begins with a slash"),
            ("", "begins with a slash"),
            ("/a?b=1", "`query`"),
            ("/a b", "percent-encoded"),
            ("/ü", "percent-encoded"),
            ("/%zz", "`%25`"),
            ("/{id}/{id}", "a name of its own"),
            ("/{rest}", "another name"),
            ("/{}", "such as `{user-id}`"),
            ("/{a.b}", "such as `{user-id}`"),
            ("/x{id}", "whole segment"),
            ("/a/../b", "the path that it leads to"),
            ("/%2e", "the path that it leads to"),
            ("/a/..;b", "the path that it leads to"),
            ("/a%2F..%2Fb", "the path that it leads to"),
        ] {
            let wrong = Pattern::exact(text).unwrap_err();
            assert!(wrong.contains(word), "{text}: {wrong}");
        }
        assert!(Pattern::prefix("/v1/").unwrap_err().contains("hint: `/v1` is for"));
    }

    #[test]
    fn more_than_another() {
        let (exact, prefix) = (|text| Pattern::exact(text).unwrap(), |text| Pattern::prefix(text).unwrap());
        assert!(exact("/{a}").covers(&exact("/b")) && exact("/{a}").covers(&exact("/{b}")));
        assert!(prefix("/").covers(&prefix("/a")) && prefix("/{x}").covers(&exact("/a/b")));
        assert!(prefix("/a").covers(&exact("/a")) && prefix("/a").covers(&exact("/a/")));
        assert!(!exact("/b").covers(&exact("/{a}")) && !exact("/{a}").covers(&exact("/")));
        assert!(!exact("/a").covers(&prefix("/a")) && !prefix("/a/b").covers(&prefix("/a")));
        assert!(!exact("/{a}").covers(&exact("/%ff")), "which is no text");
    }
}
