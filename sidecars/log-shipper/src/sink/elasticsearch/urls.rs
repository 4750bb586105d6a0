//! Where Elasticsearch is, and which of its URLs is used.

use chassis::exit::Usage;
use hyper::Uri;
use hyper::header::HeaderValue;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// One that failed is left alone for so long, as far as there are others.
const REST: Duration = Duration::from_secs(10);

pub struct Url {
    /// As it was configured
    pub text: String,
    pub tls: bool,
    pub host: String,
    pub port: u16,
    /// For the header `Host`
    pub authority: HeaderValue,
    /// What is before `/_bulk`, for servers behind a proxy
    prefix: String,
}

impl Url {
    /// # Errors
    /// When it is none that leads to Elasticsearch.
    pub fn parse(text: &str) -> Result<Self, Usage> {
        let wrong =
            |why: &str| Usage(format!("`{text}` {why}\nhint: expected a URL such as `https://logs.example:9200`"));
        let uri: Uri = text.parse().map_err(|_| wrong("is no URL"))?;
        let (tls, port) = match uri.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            _ => return Err(wrong("begins with neither `http://` nor `https://`")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("has no host"))?;
        if authority.as_str().contains('@') {
            // Not with the URL, which has the password in it.
            return Err(Usage("a URL in `urls` has a user in it\nhint: `auth` says who the user is".into()));
        }
        if uri.query().is_some() {
            return Err(wrong("has a query in it"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(wrong("has no host"));
        }
        Ok(Self {
            text: text.trim_end_matches('/').into(),
            tls,
            host: host.into(),
            port: authority.port_u16().unwrap_or(port),
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| wrong("is no URL"))?,
            prefix: uri.path().trim_end_matches('/').into(),
        })
    }

    /// What a request asks for.
    pub fn target(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

/// The path of bulk requests for this index or data stream; for whichever each action line names, if there is none.
pub fn bulk_path(index: Option<&str>) -> String {
    // A stored item is answered by 25 bytes, and not by 200.
    const FILTER: &str = "_bulk?filter_path=errors,items.*.status,items.*.error";
    index.map_or_else(|| format!("/{FILTER}"), |index| format!("/{}/{FILTER}", encoded(index)))
}

/// Whatever the name is, it is one segment of a path (RFC 3986, 2.3).
fn encoded(name: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(byte).collect()
}

/// Stays with one URL as long as that works.
pub struct Rotation {
    state: Mutex<State>,
}

struct State {
    current: usize,
    /// Until when each rests
    rests: Vec<Option<Instant>>,
}

impl Rotation {
    /// Over so many URLs.
    pub fn new(count: usize) -> Self {
        Self { state: Mutex::new(State { current: 0, rests: vec![None; count] }) }
    }

    /// Which one to use now. If all have failed, the one that did so first.
    pub fn choose(&self) -> usize {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, count) = (Instant::now(), state.rests.len());
        let order = (0..count).map(|step| (state.current + step) % count);
        let rest = |url: &usize| state.rests[*url].filter(|until| *until > now);
        order.min_by_key(rest).unwrap_or_default()
    }

    /// Returns whether there is another one to try at once.
    pub fn failed(&self, url: usize) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        state.rests[url] = Some(now + REST);
        state.rests.iter().any(|rest| rest.is_none_or(|until| until <= now))
    }

    pub fn worked(&self, url: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.current = url;
        state.rests[url] = None;
    }
}

#[cfg(test)]
mod tests {
    use super::{Rotation, Url, bulk_path};
    use std::time::Duration;

    #[test]
    fn urls() {
        for (text, tls, host, port, target) in [
            ("http://localhost:9200", false, "localhost", 9200, "/_bulk"),
            ("https://logs.example/es/", true, "logs.example", 443, "/es/_bulk"),
            ("http://[::1]", false, "::1", 80, "/_bulk"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.tls, url.host.as_str(), url.port), (tls, host, port));
            assert_eq!(url.target("/_bulk"), target);
        }
        for wrong in ["", "localhost:9200", "ftp://host", "http://", "http://host?query", "/path", "http://a b"] {
            assert!(Url::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_shown() {
        let error = Url::parse("http://user:sesame@host").err().unwrap().to_string();
        assert!(error.contains("auth") && !error.contains("sesame"), "{error}");
    }

    #[test]
    fn paths() {
        let filter = "_bulk?filter_path=errors,items.*.status,items.*.error";
        assert_eq!(bulk_path(None), format!("/{filter}"));
        assert_eq!(bulk_path(Some("logs-app-default")), format!("/logs-app-default/{filter}"));
        assert_eq!(bulk_path(Some("<a/b?>")), format!("/%3Ca%2Fb%3F%3E/{filter}"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_one_takes_over_and_keeps_it() {
        let rotation = Rotation::new(3);
        assert_eq!(rotation.choose(), 0);
        assert!(rotation.failed(0));
        assert_eq!(rotation.choose(), 1);
        rotation.worked(1);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(rotation.choose(), 1);
        assert!(rotation.failed(1));
        assert_eq!(rotation.choose(), 2);
        assert!(rotation.failed(2));
        assert_eq!(rotation.choose(), 0);
        assert!(!rotation.failed(0));
        // All of them rest: the one that has done so for longest.
        assert_eq!(rotation.choose(), 1);
    }
}
