//! Where the admin endpoint is: what `--admin` says.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::str::FromStr;

/// `127.0.0.1:9620`, for one; `[::1]:9620`; `off`. All interfaces are `0.0.0.0` or `[::]`, and never the default.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Address {
    Off,
    At(SocketAddr),
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse().map(Self::At).map_err(|_| "expected an address and a port such as `127.0.0.1:9620`, or `off`")
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses() {
        for right in ["off", "127.0.0.1:9620", "[::1]:9620", "0.0.0.0:1", "127.0.0.1:0"] {
            assert_eq!(right.parse::<Address>().unwrap().to_string(), right);
        }
        for wrong in ["", "9620", ":9620", "127.0.0.1", "localhost:9620", "OFF", "127.0.0.1:65536", "::1:9620"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
