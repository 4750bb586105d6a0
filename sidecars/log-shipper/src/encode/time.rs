//! Times as text, by the civil calendar and in UTC, without a library for dates.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `2026-11-21T18:03:02.123456789Z`
pub type Text = [u8; 30];

const DAY: i64 = 86_400;

/// A moment, from the year 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// Since 1970
    pub seconds: i64,
    pub nanoseconds: u32,
}

/// A moment that was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub time: Time,
    /// Whether Elasticsearch reads it in the same way (`strict_date_optional_time_nanos`)
    pub strict: bool,
}

impl Time {
    pub fn now() -> Self {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { seconds: i64::try_from(elapsed.as_secs()).unwrap_or(0), nanoseconds: elapsed.subsec_nanos() }
    }

    /// Year, month and day; hour, minute and second.
    pub fn civil(self) -> [u32; 6] {
        let (year, month, day) = civil(self.seconds.div_euclid(DAY));
        let second = self.seconds.rem_euclid(DAY);
        [year, month, day, second / 3600, second / 60 % 60, second % 60].map(|part| u32::try_from(part).unwrap_or(0))
    }

    /// As RFC 3339 has it.
    pub fn text(self) -> Text {
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        let [year, month, day, hour, minute, second] = self.civil();
        let parts = [(0, 4, year), (5, 2, month), (8, 2, day), (11, 2, hour), (14, 2, minute), (17, 2, second)];
        for (at, digits, value) in parts.into_iter().chain([(20, 9, self.nanoseconds)]) {
            decimal(&mut text[at..at + digits], value);
        }
        text
    }

    /// Reads RFC 3339 and what is close to it: with a space for the T, a comma for the point, and UTC where no zone is
    /// told.
    pub fn parse(text: &[u8]) -> Option<Written> {
        let (head, mut rest) = text.split_at_checked(19)?;
        let number = |at: usize, digits: usize| head[at..at + digits].iter().try_fold(0, |sum, byte| digit(sum, *byte));
        let separated = [(4, b"-"), (7, b"-"), (13, b":"), (16, b":")].iter().all(|(at, mark)| head[*at] == mark[0]);
        if !separated || !matches!(head[10], b'T' | b't' | b' ') {
            return None;
        }
        let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
        let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
        if !(1..=12).contains(&month)
            || day < 1
            || day > days_in(year, month)
            || hour > 23
            || minute > 59
            || second > 60
        {
            return None;
        }
        let mut strict = head[10] == b'T' && second < 60;
        let mut nanoseconds = 0;
        if let [mark @ (b'.' | b','), fraction @ ..] = rest {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let significant = fraction[..digits].iter().copied().chain(std::iter::repeat(b'0')).take(9);
            nanoseconds = significant.fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0'));
            strict &= *mark == b'.' && (1..=9).contains(&digits);
            rest = &fraction[digits..];
        }
        let zone = zone(rest)?;
        strict &= rest.len() != 5 && rest != b"z";
        let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second - zone;
        Self { seconds, nanoseconds }.in_range().map(|time| Written { time, strict })
    }

    /// Reads a number of seconds, milliseconds, microseconds or nanoseconds since 1970, whichever puts it nearest to
    /// our days.
    pub fn since_epoch(text: &[u8]) -> Option<Self> {
        let mut split = text.splitn(2, |byte| *byte == b'.');
        let (whole, fraction) = (split.next()?, split.next().unwrap_or_default());
        if whole.is_empty() || whole.len() > 19 {
            return None;
        }
        // Seconds have up to 11 digits until the year 5138, and milliseconds have 12 since 1973.
        let decimals = match whole.len() {
            ..=11 => 0,
            12..=14 => 3,
            15..=17 => 6,
            _ => 9,
        };
        let whole: i64 = whole.iter().try_fold(0_i64, |sum, byte| digit(sum, *byte))?;
        fraction.iter().try_fold(0, |_, byte| digit(0, *byte))?;
        let unit = 10_i64.pow(decimals);
        let below = (whole % unit) * 10_i64.pow(9 - decimals);
        let digits = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(9 - decimals as usize);
        let finer = digits.fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
        Self { seconds: whole / unit, nanoseconds: u32::try_from(below + finer).ok()? }.in_range()
    }

    fn in_range(self) -> Option<Self> {
        (days(0, 1, 1) * DAY..days(10_000, 1, 1) * DAY).contains(&self.seconds).then_some(self)
    }
}

/// How far east of UTC, in seconds.
fn zone(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (&[h, i, m, n] | &[h, i, b':', m, n]) = digits else { return None };
    let (hours, minutes) = (digit(digit(0, h)?, i)?, digit(digit(0, m)?, n)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn digit(sum: i64, byte: u8) -> Option<i64> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then(|| sum.checked_mul(10)?.checked_add(i64::from(digit)))?
}

pub fn decimal(place: &mut [u8], mut value: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970 on, by way of years that begin in March, so that the day that is not always there is their last:
/// `days_from_civil` of <https://howardhinnant.github.io/date_algorithms.html>.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The other way round: `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::{Time, Written};
    use proptest::prelude::*;

    fn read(text: &str) -> Option<(String, bool)> {
        Time::parse(text.as_bytes())
            .map(|Written { time, strict }| (String::from_utf8_lossy(&time.text()).into(), strict))
    }

    #[test]
    fn known_moments() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000007Z"),
            (951_782_400, "2000-02-29T00:00:00.000000007Z"),
            (1_795_284_182, "2026-11-21T18:03:02.000000007Z"),
            (-1, "1969-12-31T23:59:59.000000007Z"),
            (253_402_300_799, "9999-12-31T23:59:59.000000007Z"),
        ] {
            assert_eq!(str::from_utf8(&Time { seconds, nanoseconds: 7 }.text()), Ok(text));
        }
    }

    #[test]
    fn what_is_written_by_others() {
        for (text, expected, strict) in [
            ("2016-10-06T00:17:09.669794202Z", "2016-10-06T00:17:09.669794202Z", true),
            ("2016-10-06T02:17:09.5+02:00", "2016-10-06T00:17:09.500000000Z", true),
            ("2016-10-06T00:17:09", "2016-10-06T00:17:09.000000000Z", true),
            ("2016-10-06 00:17:09,123", "2016-10-06T00:17:09.123000000Z", false),
            ("2016-10-05T19:17:09-0500", "2016-10-06T00:17:09.000000000Z", false),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000000Z", false),
            ("2016-10-06T00:17:09.1234567891Z", "2016-10-06T00:17:09.123456789Z", false),
        ] {
            assert_eq!(read(text), Some((expected.into(), strict)), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2016-13-06T00:17:09Z",
            "2015-02-29T00:00:00Z",
            "2016-10-06T24:00:00Z",
            "2016-10-06T00:17:09+2",
            "2016-10-06T00:17:09Z and more",
            "0000-01-01T00:00:00+00:01",
            "2016-10-06T00:17",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn numbers() {
        for (text, seconds, nanoseconds) in [
            ("1795284182", 1_795_284_182, 0),
            ("1795284182.25", 1_795_284_182, 250_000_000),
            ("1795284182123", 1_795_284_182, 123_000_000),
            ("1795284182123.5", 1_795_284_182, 123_500_000),
            ("1795284182123456", 1_795_284_182, 123_456_000),
            ("1795284182123456789", 1_795_284_182, 123_456_789),
            ("0", 0, 0),
        ] {
            assert_eq!(Time::since_epoch(text.as_bytes()), Some(Time { seconds, nanoseconds }), "{text}");
        }
        for text in ["", "-1", "1e9", ".5", "1795284182.x", "99999999999999999999", "1.2.3"] {
            assert_eq!(Time::since_epoch(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_is_read_as_it_was_meant(seconds in -62_000_000_000_i64..253_000_000_000, nanoseconds in 0..1_000_000_000_u32) {
            let time = Time { seconds, nanoseconds };
            prop_assert_eq!(Time::parse(&time.text()), Some(Written { time, strict: true }));
        }

        #[test]
        fn nothing_panics(text in proptest::collection::vec(prop_oneof![any::<u8>(), b'-'..=b':'], 0..40)) {
            Time::parse(&text);
            Time::since_epoch(&text);
        }
    }
}
