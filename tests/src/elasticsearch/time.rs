//! Dates, as `strict_date_optional_time||epoch_millis` has them.

/// Whether it is a date: `2026`, `2026-11-21`, `2026-11-21T18:03:02.123456789Z`, `…+01:00`, or milliseconds.
pub fn is_date(text: &str) -> bool {
    if text.len() > 4 && text.parse::<i64>().is_ok() {
        return true;
    }
    let (day, time) = text.split_once('T').map_or((text, None), |(day, time)| (day, Some(time)));
    let day: Vec<_> = day.split('-').collect();
    let day = match day[..] {
        [year] => time.is_none() && number(year, 4).is_some(),
        [year, month] => time.is_none() && number(year, 4).is_some() && matches!(number(month, 2), Some(1..=12)),
        [year, month, day] => is_day(year, month, day),
        _ => false,
    };
    day && time.is_none_or(is_time)
}

fn is_day(year: &str, month: &str, day: &str) -> bool {
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=last).contains(&day)
}

fn is_time(text: &str) -> bool {
    let zone = text.find(['Z', '+', '-']).unwrap_or(text.len());
    let (text, zone) = text.split_at(zone);
    let (text, fraction) = text.split_once(['.', ',']).map_or((text, None), |(text, part)| (text, Some(part)));
    let parts: Vec<_> = text.split(':').collect();
    let in_range = |parts: &[&str]| {
        parts.iter().zip([23, 59, 59]).all(|(part, most)| number(part, 2).is_some_and(|number| number <= most))
    };
    let fraction = fraction.is_none_or(|part| {
        parts.len() == 3 && (1..=9).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    });
    let zone = match zone {
        "" | "Z" => true,
        zone => in_range(&zone[1..].split(':').collect::<Vec<_>>()),
    };
    (1..=3).contains(&parts.len()) && in_range(&parts) && fraction && zone
}

fn number(text: &str, digits: usize) -> Option<u32> {
    let fits = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::is_date;

    #[test]
    fn dates() {
        for date in [
            "2026",
            "2026-11-21",
            "2024-02-29T23:59:59Z",
            "2026-11-21T18:03:02.123456789Z",
            "2026-11-21T18:03:02.1+01:00",
            "2026-11-21T18:03:02,5-05:30",
            "2026-11-21T18:03",
            "1795284182123",
        ] {
            assert!(is_date(date), "{date}");
        }
        for other in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-02-29",
            "2026-11-21 18:03:02",
            "2026-11-21T24:00:00Z",
            "2026-11-21T18:03:60Z",
            "2026-11-21T18:03:02.1234567890Z",
            "2026-11-21T18:03:02.Z",
            "2026-11-21T18:03:02z",
            "26-11-21",
        ] {
            assert!(!is_date(other), "{other}");
        }
    }
}
