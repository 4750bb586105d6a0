//! What a header field, or a parameter of a query, has to be.

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt::{self, Display, Formatter};

/// `"1"`, `{like: "v*"}` or `{present: true}`. Of several with its name it is enough when one is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    Exactly(String),
    /// `*` stands for any bytes, also for none
    Like(String),
    Present(bool),
}

impl Wanted {
    /// Whether these values, which are all that there are, are what is wanted.
    pub fn is_met_by<V: AsRef<[u8]>>(&self, mut values: impl Iterator<Item = V>) -> bool {
        match self {
            Self::Exactly(wanted) => values.any(|value| value.as_ref() == wanted.as_bytes()),
            Self::Like(glob) => values.any(|value| is_like(value.as_ref(), glob)),
            Self::Present(wanted) => values.next().is_some() == *wanted,
        }
    }

    /// Whether it is met by all that meets `other`.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Present(wanted), Self::Present(other)) => wanted == other,
            (Self::Present(wanted), _) => *wanted,
            (Self::Exactly(wanted), Self::Exactly(other)) => wanted == other,
            // A star of the other one's is met by nothing but a star, which takes whatever that one takes.
            (Self::Like(glob), Self::Exactly(other) | Self::Like(other)) => is_like(other.as_bytes(), glob),
            (Self::Like(glob), Self::Present(true)) => !glob.is_empty() && glob.bytes().all(|byte| byte == b'*'),
            _ => false,
        }
    }
}

/// Takes as long as the two are, multiplied, at most.
fn is_like(mut value: &[u8], glob: &str) -> bool {
    let Some((first, rest)) = glob.split_once('*') else { return value == glob.as_bytes() };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(stripped) = value.strip_prefix(first.as_bytes()).and_then(|value| value.strip_suffix(last.as_bytes()))
    else {
        return false;
    };
    value = stripped;
    // The first place where each fits leaves the most for those that follow.
    middle.split('*').all(|piece| match memchr::memmem::find(value, piece.as_bytes()) {
        Some(at) => {
            value = &value[at + piece.len()..];
            true
        }
        None => false,
    })
}

impl Display for Wanted {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::Exactly(value) => f.write_str(value),
            Self::Like(glob) => write!(f, "like {glob}"),
            Self::Present(true) => f.write_str("present"),
            Self::Present(false) => f.write_str("absent"),
        }
    }
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Long {
            like: Option<String>,
            present: Option<bool>,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Wanted;

            fn expecting(&self, f: &mut Formatter) -> fmt::Result {
                f.write_str("a text in quotes such as `\"1\"`, `{like: \"v*\"}` or `{present: true}`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Wanted, E> {
                Ok(Wanted::Exactly(text.into()))
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Wanted, M::Error> {
                match Long::deserialize(MapAccessDeserializer::new(map))? {
                    Long { like: Some(glob), present: None } => Ok(Wanted::Like(glob)),
                    Long { like: None, present: Some(present) } => Ok(Wanted::Present(present)),
                    _ => Err(M::Error::custom("expected either `like` or `present`")),
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::{Wanted, is_like};

    #[test]
    fn globs() {
        for (glob, values) in [
            ("v*", &["v", "v1", "v*"] as &[_]),
            ("*", &["", "x"]),
            ("*json*", &["json", "application/json; q=1"]),
            ("a*b*c", &["abc", "a-b-b-c"]),
            ("a**b", &["ab", "a-b"]),
            ("plain", &["plain"]),
        ] {
            for value in values {
                assert!(is_like(value.as_bytes(), glob), "{glob}: {value}");
            }
        }
        for (glob, value) in [("v*", "xv"), ("ab*ba", "aba"), ("a*b*c", "acb"), ("plain", "plainer"), ("", "x")] {
            assert!(!is_like(value.as_bytes(), glob), "{glob}: {value}");
        }
    }

    #[test]
    fn one_of_several() {
        let exactly = Wanted::Exactly("1".into());
        assert!(exactly.is_met_by(["2", "1"].iter()) && !exactly.is_met_by(["12"].iter()));
        assert!(Wanted::Present(true).is_met_by([""].iter()) && !Wanted::Present(true).is_met_by([""; 0].iter()));
        assert!(Wanted::Present(false).is_met_by([""; 0].iter()) && !Wanted::Present(false).is_met_by(["x"].iter()));
    }

    #[test]
    fn more_than_another() {
        let (like, exactly) = (|text: &str| Wanted::Like(text.into()), |text: &str| Wanted::Exactly(text.into()));
        assert!(like("v*").covers(&exactly("v1")) && like("v*").covers(&like("v1*")) && like("*").covers(&like("a*")));
        assert!(Wanted::Present(true).covers(&like("*")) && exactly("a").covers(&exactly("a")));
        assert!(!like("v1*").covers(&like("v*")) && !like("v1").covers(&like("v*")));
        assert!(like("*").covers(&Wanted::Present(true)) && !like("a*").covers(&Wanted::Present(true)));
        assert!(!exactly("a").covers(&like("a")) && !Wanted::Present(false).covers(&exactly("a")));
    }
}
