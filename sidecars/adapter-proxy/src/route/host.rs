//! Hosts that a route takes.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::fmt::{self, Display, Formatter};

/// `api.example.com`, or `*.example.com` for all names below it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Host {
    /// In lower case; with the dot before it if it stands for what is below
    name: String,
    is_wild: bool,
}

impl Host {
    /// # Errors
    /// Why it is none, and what would be.
    pub fn new(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected a host such as `api.example.com` or `*.example.com`";
        let (name, is_wild) = match text.strip_prefix('*') {
            Some(rest) if rest.starts_with('.') => (rest, true),
            Some(_) => return Err(format!("{EXPECTED}, found `{text}`")),
            None => (text, false),
        };
        if bare(name).len() != name.len() {
            let plain = bare(name);
            let star = if is_wild { "*" } else { "" };
            return Err(format!("{EXPECTED}, found `{text}`\nhint: ports do not matter here: `{star}{plain}`"));
        }
        let is_address = name.starts_with('[') && name.ends_with(']') && !is_wild;
        let label = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let is_name = name.strip_prefix('.').filter(|_| is_wild).unwrap_or(name).split('.').all(label);
        if !is_address && !is_name {
            return Err(format!("{EXPECTED}, found `{text}`"));
        }
        Ok(Self { name: name.to_ascii_lowercase(), is_wild })
    }

    /// Whether `host` is it: in any case, with or without a port and a dot at the end.
    pub fn matches(&self, host: &str) -> bool {
        let host = bare(host);
        if !self.is_wild {
            return host.eq_ignore_ascii_case(&self.name);
        }
        let Some(at) = host.len().checked_sub(self.name.len()).filter(|at| *at > 0) else { return false };
        // It begins with the dot, so that nothing is cut in the middle.
        host.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(&self.name))
    }

    /// Whether it matches all that `other` does.
    pub fn covers(&self, other: &Self) -> bool {
        match (self.is_wild, other.is_wild) {
            (true, true) => other.name.ends_with(&self.name),
            (true, false) => self.matches(&other.name),
            (false, wild) => !wild && self.name == other.name,
        }
    }
}

/// Without a port, and without the dot that ends the name of a host in DNS.
fn bare(host: &str) -> &str {
    // The colons of an IPv6 address are within brackets.
    let end = host.rfind(':').filter(|at| !host[*at..].contains(']')).unwrap_or(host.len());
    host[..end].strip_suffix('.').unwrap_or(&host[..end])
}

impl Display for Host {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let star = if self.is_wild { "*" } else { "" };
        write!(f, "{star}{}", self.name)
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Host;

    #[test]
    fn hosts() {
        let exact = Host::new("API.example.com").unwrap();
        for host in ["api.example.com", "Api.Example.Com:8080", "api.example.com.", "api.example.com.:80"] {
            assert!(exact.matches(host), "{host}");
        }
        for host in ["example.com", "a.api.example.com", "api.example.com.evil", "", ":80", "api.example.comx"] {
            assert!(!exact.matches(host), "{host}");
        }
        let wild = Host::new("*.example.com").unwrap();
        for host in ["a.example.com", "a.b.EXAMPLE.com:1", "a.example.com."] {
            assert!(wild.matches(host), "{host}");
        }
        for host in ["example.com", ".example.com", "aexample.com", "a.example.com.evil", "a.example.org"] {
            assert!(!wild.matches(host), "{host}");
        }
        let address = Host::new("[::1]").unwrap();
        assert!(address.matches("[::1]:80") && address.matches("[::1]") && !address.matches("[::2]"));
    }

    #[test]
    fn what_is_no_host() {
        for text in ["", "*", "*.", "*example.com", "a b", "a..b", "http://a", "a/b", ".a", "a.*.b", "*.[::1]"] {
            assert!(Host::new(text).is_err(), "{text}");
        }
        assert!(Host::new("*.a.example:80").unwrap_err().contains("hint: ports do not matter here: `*.a.example`"));
    }

    #[test]
    fn more_than_another() {
        let host = |text| Host::new(text).unwrap();
        assert!(host("*.a").covers(&host("*.a")) && host("*.a").covers(&host("*.b.a")));
        assert!(host("*.a").covers(&host("b.a")) && host("b.a").covers(&host("B.A")));
        assert!(!host("*.b.a").covers(&host("*.a")) && !host("*.a").covers(&host("a")));
        assert!(!host("b.a").covers(&host("*.a")) && !host("*.a").covers(&host("*.ba")));
    }
}
