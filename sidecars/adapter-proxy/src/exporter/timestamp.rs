//! When something was so, said by the app.

use std::ops::RangeInclusive;

/// Later than the year 5000 is hardly in seconds.
const LATEST: f64 = 1e11;

/// Seconds since 1970, of a number of them or of a time such as `2026-11-22T05:30:00.25+01:00` (RFC 3339).
pub fn of(text: &str) -> Option<f64> {
    let text = text.trim();
    text.parse().ok().or_else(|| rfc3339(text)).filter(|seconds: &f64| seconds.abs() < LATEST)
}

fn rfc3339(text: &str) -> Option<f64> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, rest) = rest.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|digit: char| !digit.is_ascii_digit())?),
        None => ("0", rest),
    };
    let fraction: f64 = format!("0.{fraction}").parse().ok().filter(|_| !fraction.is_empty())?;
    let zone = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => 0,
        (sign @ ("+" | "-"), offset) => {
            let [hours, minutes] = numbers(offset, ':', [2, 2])?;
            let offset = within(hours, 0..=23)? * 3600 + within(minutes, 0..=59)? * 60;
            if sign == "-" { -offset } else { offset }
        }
        _ => return None,
    };
    let last = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let last = *last.get(usize::try_from(within(month, 1..=12)? - 1).ok()?)?;
    let days = days(year, month, within(day, 1..=last)?);
    let time = within(hour, 0..=23)? * 3600 + within(minute, 0..=59)? * 60 + within(second, 0..=60)?;
    #[expect(clippy::cast_precision_loss, reason = "10000 years of seconds fit")]
    Some((days * 86_400 + time - zone) as f64 + fraction)
}

fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(between);
    let mut found = [0; N];
    for (number, digits) in found.iter_mut().zip(digits) {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

fn within(number: i64, range: RangeInclusive<i64>) -> Option<i64> {
    range.contains(&number).then_some(number)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Since 1970, in the Gregorian calendar: years begin in March, so that the day that is not always there is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::of;

    /// As `date --date=TEXT +%s.%N` has them.
    #[test]
    fn times() {
        for (text, expected) in [
            ("0", 0.0),
            ("1700000000.5", 1_700_000_000.5),
            ("1970-01-01T00:00:00Z", 0.0),
            ("2000-02-29T12:00:00Z", 951_825_600.0),
            ("2000-03-01T00:00:00Z", 951_868_800.0),
            ("2026-11-22T05:30:00.25+01:00", 1_795_321_800.25),
            ("2026-11-22 05:30:00-00:30", 1_795_327_200.0),
            ("1969-12-31T23:59:59z", -1.0),
            ("2016-12-31T23:59:60Z", 1_483_228_800.0),
        ] {
            assert_eq!(of(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "now",
            "NaN",
            "inf",
            "1700000000000",
            "2026-11-22",
            "2026-11-22T05:30:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-1-01T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T05:30:00.Z",
            "2026-11-22T05:30:00.5",
            "2026-11-22T05:30:00+1:00",
            "2026-11-22T05:30:00Zx",
            "2026-11-22T05:30:00+",
            "ä026-11-22T05:30:00Z",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
