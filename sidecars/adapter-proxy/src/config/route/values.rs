//! The small things that routes are written with.

use crate::http::names::Name;
use crate::route::Pattern;
use serde::de::{self, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt::{self, Display, Formatter};
use std::marker::PhantomData;
use std::ops::{Deref, RangeInclusive};

/// RFC 9110, 5.6.2: what methods and the names of header fields are made of.
pub fn is_token(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_part)
}

macro_rules! texts {
    ($($name:ident)*) => {
        $(
            impl Deref for $name {
                type Target = str;

                fn deref(&self) -> &str {
                    &self.0
                }
            }

            impl Display for $name {
                fn fmt(&self, f: &mut Formatter) -> fmt::Result {
                    f.write_str(&self.0)
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
                }
            }
        )*
    };
}

texts! { HeaderName Method Parameter Beginning }

/// Of a field that routes may look at and change; in any case.
#[derive(Clone, Eq, Debug)]
pub struct HeaderName(String);

impl HeaderName {
    fn new(text: String) -> Result<Self, String> {
        if !is_token(&text) {
            return Err(format!(
                "`{}` is no name of a header field\nhint: one is such as `x-user`",
                text.escape_debug()
            ));
        }
        let hint = match Name::of(&text) {
            Name::Host => "`request: {host: …}` sets it, and `match: {host: …}` looks at it",
            Name::ContentLength | Name::TransferEncoding => "the body says it",
            Name::Connection | Name::Hop | Name::Te | Name::Upgrade | Name::Expect => {
                "it is between two of them, and the proxy writes its own"
            }
            _ if text.eq_ignore_ascii_case("trailer") => "the body says it",
            _ => return Ok(Self(text)),
        };
        Err(format!("the header field `{text}` is not for routes\nhint: {hint}"))
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Method(String);

impl Method {
    fn new(text: String) -> Result<Self, String> {
        let capitals = text.to_ascii_uppercase();
        if !is_token(&text) {
            Err(format!("`{}` is no method\nhint: one is such as `GET`", text.escape_debug()))
        } else if capitals == "CONNECT" {
            Err("`CONNECT` asks for a tunnel, which this is not".into())
        } else if capitals != text {
            Err(format!("the method `{text}` is another one than `{capitals}`\nhint: write `{capitals}`"))
        } else {
            Ok(Self(text))
        }
    }
}

/// The name of one in a query, as it is when it is decoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameter(String);

impl Parameter {
    fn new(text: String) -> Result<Self, String> {
        if text.is_empty() { Err("a parameter of a query has an empty name".into()) } else { Ok(Self(text)) }
    }
}

/// Of a reference, such as `http://v2.internal/v2/` or `/v1/`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beginning(String);

impl Beginning {
    fn new(text: String) -> Result<Self, String> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text))
        } else {
            Err(format!(
                "`{}` begins no reference\nhint: one begins such as `http://v2.internal/v2/` or `/v1/`",
                text.escape_debug()
            ))
        }
    }
}

/// Some of them; all when there is none.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Statuses(Vec<RangeInclusive<u16>>);

impl Statuses {
    pub fn contains(&self, status: u16) -> bool {
        self.0.is_empty() || self.0.iter().any(|range| range.contains(&status))
    }
}

impl Display for Statuses {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("any status");
        }
        for (number, range) in self.0.iter().enumerate() {
            let (first, last, comma) = (*range.start(), *range.end(), if number > 0 { ", " } else { "" });
            match first {
                _ if first == last => write!(f, "{comma}{first}")?,
                _ if first % 100 == 0 && last == first + 99 => write!(f, "{comma}{}xx", first / 100)?,
                _ => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

/// `404`, `2xx` or `200-299`: those of final answers.
fn statuses(text: &str) -> Option<RangeInclusive<u16>> {
    let one =
        |text: &str| Some(text).filter(|text| text.len() == 3)?.parse().ok().filter(|one| (200..600).contains(one));
    let range = match (text.strip_suffix("xx"), text.split_once('-')) {
        (Some(class), _) => {
            let first = one(&format!("{class}00"))?;
            first..=first + 99
        }
        (None, Some((first, last))) => one(first)?..=one(last)?,
        (None, None) => one(text)?..=one(text)?,
    };
    (!range.is_empty()).then_some(range)
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One(RangeInclusive<u16>);
        impl<'de> Deserialize<'de> for One {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // A number is a text, too.
                let text = String::deserialize(deserializer)?;
                let expected = "expected statuses such as `404`, `2xx` or `\"200-299\"`, from 200 to 599";
                statuses(&text).map(Self).ok_or_else(|| D::Error::custom(format_args!("{expected}, found `{text}`")))
            }
        }
        let all: Vec<One> = one_or_more(deserializer)?;
        Ok(Self(all.into_iter().map(|One(range)| range).collect()))
    }
}

pub fn methods<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Method>, D::Error> {
    one_or_more(deserializer)
}

/// A scalar, or a list of some.
fn one_or_more<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Either<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut Formatter) -> fmt::Result {
            f.write_str("one, or a list of some")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
            T::deserialize(de::value::StrDeserializer::new(text)).map(|one| vec![one])
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Vec<T>, E> {
            self.visit_str(&number.to_string())
        }

        fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<Vec<T>, S::Error> {
            let mut all = vec![];
            while let Some(one) = items.next_element()? {
                all.push(one);
            }
            if all.is_empty() {
                Err(S::Error::custom("the list is empty\nhint: without it, any will do"))
            } else {
                Ok(all)
            }
        }
    }
    deserializer.deserialize_any(Either(PhantomData))
}

/// Fields in their order, of which no two have the same name.
pub fn pairs<'de, D, K, V>(deserializer: D) -> Result<Vec<(K, V)>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + PartialEq + Display,
    V: Deserialize<'de>,
{
    struct Pairs<K, V>(PhantomData<(K, V)>);
    impl<'de, K, V> Visitor<'de> for Pairs<K, V>
    where
        K: Deserialize<'de> + PartialEq + Display,
        V: Deserialize<'de>,
    {
        type Value = Vec<(K, V)>;

        fn expecting(&self, f: &mut Formatter) -> fmt::Result {
            f.write_str("fields")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut all: Self::Value = vec![];
            while let Some(name) = map.next_key::<K>()? {
                if all.iter().any(|(known, _)| *known == name) {
                    return Err(M::Error::custom(format_args!("`{name}` is there twice\nhint: take one of them out")));
                }
                all.push((name, map.next_value()?));
            }
            Ok(all)
        }
    }
    deserializer.deserialize_map(Pairs(PhantomData))
}

pub fn exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Pattern>, D::Error> {
    Pattern::exact(&String::deserialize(deserializer)?).map(Some).map_err(D::Error::custom)
}

pub fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Pattern>, D::Error> {
    Pattern::prefix(&String::deserialize(deserializer)?).map(Some).map_err(D::Error::custom)
}

pub fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    crate::config::http::host(deserializer)
}

/// Something that is shown on one line.
pub fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = text(deserializer)?;
    if name.chars().any(char::is_control) {
        Err(D::Error::custom(format_args!("the name `{}` is not one line of text", name.escape_debug())))
    } else {
        Ok(name)
    }
}

/// Something that is not empty.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() { Err(D::Error::custom("there is no text")) } else { Ok(text) }
}

/// RFC 9110, 8.3.1, as far as it could harm.
pub fn media<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let kind = text.split(';').next().unwrap_or_default().trim_end();
    let is_media = kind.split_once('/').is_some_and(|(class, kind)| is_token(class) && is_token(kind));
    if is_media && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        Ok(text)
    } else {
        Err(D::Error::custom(format_args!(
            "expected a media type such as `application/json`, found `{}`",
            text.escape_debug()
        )))
    }
}

pub fn sent_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    status(deserializer, 200..=599)
}

pub fn set_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    sent_status(deserializer).map(Some)
}

pub fn failure<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    status(deserializer, 400..=599)
}

fn status<'de, D: Deserializer<'de>>(deserializer: D, among: RangeInclusive<u16>) -> Result<u16, D::Error> {
    let status = u16::deserialize(deserializer)?;
    if among.contains(&status) {
        Ok(status)
    } else {
        Err(D::Error::custom(format_args!("a status of {status}: expected {} to {}", among.start(), among.end())))
    }
}
