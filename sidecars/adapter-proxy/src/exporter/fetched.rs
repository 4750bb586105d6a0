//! What was fetched, on its way from the proxy to the process that makes the page of it.

use std::time::Duration;

/// What came of one target.
#[derive(Clone, PartialEq, Debug)]
pub struct Fetched {
    /// Which one of the page, from 0
    pub target: usize,
    pub took: Duration,
    /// Or why there is none
    pub body: Result<Body, String>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    One(Vec<u8>),
    /// By the names that the source has, without those that it has not
    Named(Vec<(String, Vec<u8>)>),
}

impl Fetched {
    /// Appends `all` to `out`, in a form that only this program reads.
    pub fn encode<'a>(all: impl IntoIterator<Item = &'a Self>, out: &mut Vec<u8>) {
        for fetched in all {
            put(out, fetched.target as u64);
            put(out, u64::try_from(fetched.took.as_nanos()).unwrap_or(u64::MAX));
            match &fetched.body {
                Err(error) => {
                    out.push(0);
                    bytes(out, error.as_bytes());
                }
                Ok(Body::One(body)) => {
                    out.push(1);
                    bytes(out, body);
                }
                Ok(Body::Named(bodies)) => {
                    out.push(2);
                    put(out, bodies.len() as u64);
                    for (name, body) in bodies {
                        bytes(out, name.as_bytes());
                        bytes(out, body);
                    }
                }
            }
        }
    }

    /// `None` of what [`Self::encode`] has not written.
    pub fn decode(bytes: &[u8]) -> Option<Vec<Self>> {
        let (mut rest, mut all) = (Rest(bytes), vec![]);
        while !rest.0.is_empty() {
            let target = usize::try_from(rest.number()?).ok()?;
            let took = Duration::from_nanos(rest.number()?);
            let body = match rest.take(1)? {
                [0] => Err(rest.text()?),
                [1] => Ok(Body::One(rest.bytes()?.to_vec())),
                [2] => {
                    let count = rest.number()?;
                    let named = (0..count).map(|_| Some((rest.text()?, rest.bytes()?.to_vec())));
                    Ok(Body::Named(named.collect::<Option<_>>()?))
                }
                _ => return None,
            };
            all.push(Self { target, took, body });
        }
        Some(all)
    }
}

fn put(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, Fetched};
    use std::time::Duration;

    #[test]
    fn there_and_back() {
        let took = Duration::from_micros(1234);
        let all = [
            Fetched { target: 0, took, body: Ok(Body::One(b"{\"a\": 1}".to_vec())) },
            Fetched { target: 1, took, body: Err("nobody is there".into()) },
            Fetched { target: 7, took, body: Ok(Body::Named(vec![("a".into(), vec![0, 255]), ("b".into(), vec![])])) },
        ];
        let mut bytes = vec![];
        Fetched::encode(&all, &mut bytes);
        assert_eq!(Fetched::decode(&bytes).as_deref(), Some(&all[..]));
        assert_eq!(Fetched::decode(&[]).as_deref(), Some(&[][..]));
        // Cut anywhere but between two it is none.
        let whole = [0, 8 + 8 + 1 + 8 + 8, 8 + 8 + 1 + 8 + 8 + 8 + 8 + 1 + 8 + 15];
        for end in (0..bytes.len()).filter(|end| !whole.contains(end)) {
            assert_eq!(Fetched::decode(&bytes[..end]), None, "{end}");
        }
    }
}
