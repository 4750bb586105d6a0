//! Where somebody listens, or is to be reached.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Of a Unix socket, in bytes: unix(7), without the zero that ends it.
const LONGEST_PATH: usize = 107;

/// `127.0.0.1:6379`, `[::1]:6379`, `unix:/run/app.sock`: what needs no name server.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Address {
    Socket(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// Whether nobody else can listen on `other` then.
    pub fn takes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Socket(one), Self::Socket(other)) if one.port() == other.port() => {
                // All of IPv6 are all of IPv4, too, unless the kernel is told otherwise.
                let all =
                    |all: &SocketAddr, of: &SocketAddr| all.ip().is_unspecified() && (all.is_ipv6() || of.is_ipv4());
                one == other || all(one, other) || all(other, one)
            }
            _ => self == other,
        }
    }

    /// Whether who connects to `other` comes here, as far as the two can tell.
    pub fn is_reached_by(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Socket(here), Self::Socket(there)) if here.port() == there.port() => {
                let there = match there.ip().to_canonical() {
                    // To connect to all is to connect to the first.
                    IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
                    IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
                    there => there,
                };
                let here = here.ip().to_canonical();
                here == there || here.is_unspecified() && there.is_loopback() && (here.is_ipv6() || there.is_ipv4())
            }
            _ => self == other,
        }
    }

    /// Whether nobody outside of the pod can reach it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Socket(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match Path::new(path) {
                path if !path.is_absolute() => Err("expected an absolute path after `unix:`"),
                path if path.as_os_str().len() > LONGEST_PATH => Err("a socket's path has 107 bytes at most"),
                path => Ok(Self::Unix(path.into())),
            };
        }
        match text.parse::<SocketAddr>() {
            Ok(address) if address.port() == 0 => Err("a port is from 1 to 65535"),
            Ok(address) => Ok(Self::Socket(address)),
            Err(_) => Err(why_none(text)),
        }
    }
}

/// Why a text is no [`Address`].
fn why_none(text: &str) -> &'static str {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match host {
        _ if text.contains("://") => "expected an address and a port such as `127.0.0.1:6379`, without `…://`",
        _ if is_number && !port.parse().is_ok_and(|port: u16| port > 0) => "a port is from 1 to 65535",
        "" if is_number => "expected an address before the port, such as `127.0.0.1:6379`, or `0.0.0.0:6379` for all",
        _ if is_number && host.bytes().any(|byte| byte.is_ascii_alphabetic()) && !host.contains(':') => {
            "expected an address such as `127.0.0.1:6379`, and not a name"
        }
        _ => "expected an address and a port such as `127.0.0.1:6379`, or `unix:/run/app.sock`",
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::Socket(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// What an endpoint is written as: an [`Address`], or a name and a port, which stands for all addresses of the name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Target {
    At(Address),
    Named(String, u16),
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str =
            "expected a name or an address and a port such as `redis-a:6379`, or `unix:/run/app.sock`";
        if text.starts_with("unix:") || text.parse::<SocketAddr>().is_ok() {
            return text.parse().map(Self::At);
        }
        if text.contains("://") {
            return Err("expected a name or an address and a port such as `redis-a:6379`, without `…://`");
        }
        let (name, port) = text.rsplit_once(':').ok_or(EXPECTED)?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or(EXPECTED)?;
        // RFC 1123, and the underscore, which people use.
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let absolute = name.strip_suffix('.').unwrap_or(name);
        if name.len() > 254 || !absolute.split('.').all(is_label) {
            return Err(EXPECTED);
        }
        if absolute.split('.').all(|label| label.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err("this is neither an address nor a name");
        }
        Ok(Self::Named(name.to_ascii_lowercase(), port))
    }
}

impl Display for Target {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::At(address) => address.fmt(f),
            Self::Named(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Target};

    #[test]
    fn addresses() {
        for text in ["127.0.0.1:80", "[::1]:80", "unix:/run/app.sock", "0.0.0.0:8080"] {
            assert_eq!(text.parse::<Address>().map(|address| address.to_string()), Ok(text.to_owned()));
        }
        for text in ["localhost:80", "127.0.0.1", "unix:app.sock", "", ":80", "[::1]"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_loopback_and_sockets_are_local() {
        let local = |text: &str| text.parse::<Address>().is_ok_and(|address| address.is_local());
        assert!(local("127.0.0.2:1") && local("[::1]:1") && local("[::ffff:127.0.0.1]:1") && local("unix:/a"));
        assert!(!local("0.0.0.0:1") && !local("[::]:1") && !local("10.0.0.1:1"));
    }

    #[test]
    fn targets() {
        for text in ["redis-a:6379", "redis.shop.svc.cluster.local.:1", "10.0.0.1:80", "unix:/a.sock", "a_b:1"] {
            assert_eq!(text.parse::<Target>().map(|target| target.to_string()), Ok(text.to_owned()));
        }
        for text in ["redis", "redis:0", "redis:65536", "-a:1", "a..b:1", "a b:1", "http://a:1", "a/b:1", ":1"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
