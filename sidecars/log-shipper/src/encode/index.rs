//! Where documents go when that depends on the time of the event.

use super::escape::Escape;
use super::time::{Time, decimal};
use anyhow::{Result, bail};

/// The name of an index with `%Y`, `%m`, `%d` or `%H` in it. Made anew only when an hour is another one.
pub struct Dated {
    parts: Vec<Part>,
    hour: Option<i64>,
    name: Vec<u8>,
}

enum Part {
    Text(String),
    /// Which part of the civil time, and in how many digits
    Time(usize, usize),
}

impl Dated {
    /// A name without a time in it needs none of this: it is in the address of the request.
    ///
    /// # Errors
    /// If there is something else after a `%`.
    pub fn new(name: &str) -> Result<Option<Self>> {
        let mut pieces = name.split('%');
        let mut parts = vec![Part::Text(pieces.next().unwrap_or_default().into())];
        for piece in pieces {
            let mut rest = piece.chars();
            parts.push(match rest.next() {
                Some('Y') => Part::Time(0, 4),
                Some('m') => Part::Time(1, 2),
                Some('d') => Part::Time(2, 2),
                Some('H') => Part::Time(3, 2),
                _ => bail!("`%{piece}` in the index `{name}` is no time\nhint: `%Y`, `%m`, `%d` and `%H` are"),
            });
            parts.push(Part::Text(rest.as_str().into()));
        }
        Ok((parts.len() > 1).then(|| Self { parts, hour: None, name: vec![] }))
    }

    /// The name for an event of that time, as it is in a JSON string.
    pub fn at(&mut self, time: Time) -> &[u8] {
        let hour = time.seconds.div_euclid(3600);
        if self.hour != Some(hour) {
            self.hour = Some(hour);
            self.name.clear();
            let civil = time.civil();
            for part in &self.parts {
                match part {
                    Part::Text(text) => {
                        Escape::default().append(&mut self.name, text.as_bytes());
                    }
                    Part::Time(which, digits) => {
                        let start = self.name.len();
                        self.name.resize(start + digits, b'0');
                        decimal(&mut self.name[start..], civil[*which]);
                    }
                }
            }
        }
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::Dated;
    use crate::encode::time::Time;

    fn at(name: &str, time: &str) -> String {
        let time = Time::parse(time.as_bytes()).unwrap().time;
        String::from_utf8(Dated::new(name).unwrap().unwrap().at(time).to_vec()).unwrap()
    }

    #[test]
    fn by_day_and_hour() {
        assert_eq!(at("logs-%Y.%m.%d", "2026-02-03T23:30:00-01:00"), "logs-2026.02.04");
        assert_eq!(at("%H%Y", "2026-02-03T07:30:00Z"), "072026");
        assert!(Dated::new("logs").unwrap().is_none());
        assert!(Dated::new("logs-%y").is_err());
        assert!(Dated::new("logs-%").is_err());
    }

    #[test]
    fn the_next_hour_is_another_name() {
        let mut dated = Dated::new("x%H").unwrap().unwrap();
        for (seconds, name) in [(0, "x00"), (3599, "x00"), (3600, "x01"), (-1, "x23"), (0, "x00")] {
            assert_eq!(dated.at(Time { seconds, nanoseconds: 0 }), name.as_bytes());
        }
    }
}
