//! What numbers and texts look like on a page.

use std::io::Write as _;

/// As Prometheus reads it.
pub fn number(out: &mut Vec<u8>, number: f64) {
    // A vector takes anything.
    let _ = if number.is_nan() {
        out.write_all(b"NaN")
    } else if number.is_infinite() {
        out.write_all(if number > 0.0 { b"+Inf" } else { b"-Inf" })
    } else if number.fract() == 0.0 && number.abs() < 1e15 {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
        let whole = number as i64;
        write!(out, "{whole}")
    } else if (1e-5..1e15).contains(&number.abs()) {
        write!(out, "{number}")
    } else {
        write!(out, "{number:e}")
    };
}

/// The bound of a bucket, or a quantile. It is a label, and two that are not written alike are not the same, so it has the
/// form that `OpenMetrics` calls canonical, which is Go's: `0.1`, `1.0`, `1e+06`. In the older format 1 is `1`.
pub fn bound(number: f64, openmetrics: bool) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let shortest = format!("{number:e}");
    let Some((digits, exponent)) = shortest.split_once('e') else { return shortest };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if number == 0.0 || (-4..6).contains(&exponent) || !openmetrics && (-4..21).contains(&exponent) {
        let plain = number.to_string();
        return if openmetrics && !plain.contains('.') { plain + ".0" } else { plain };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Between quotes.
pub fn quoted(out: &mut Vec<u8>, text: &str) {
    escaped(out, text, true);
}

/// Behind `# HELP`, where `OpenMetrics` alone escapes quotes.
pub fn help(out: &mut Vec<u8>, text: &str, openmetrics: bool) {
    escaped(out, text, openmetrics);
}

fn escaped(out: &mut Vec<u8>, text: &str, quotes: bool) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'"' if quotes => out.extend_from_slice(b"\\\""),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{bound, help, number, quoted};

    fn of(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = vec![];
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers() {
        for (value, expected) in [
            (0.0, "0"),
            (-3.0, "-3"),
            (0.25, "0.25"),
            (1e14, "100000000000000"),
            (1e15, "1e15"),
            (123_456_789.125, "123456789.125"),
            (1e-7, "1e-7"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(of(|out| number(out, value)), expected);
        }
    }

    /// As Go's `strconv.FormatFloat(f, 'g', -1, 64)` has them, and `.0` behind what would be an integer.
    #[test]
    fn bounds() {
        for (value, text, openmetrics) in [
            (1.0, "1", "1.0"),
            (0.1, "0.1", "0.1"),
            (0.0, "0", "0.0"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "1e-05"),
            (100_000.0, "100000", "100000.0"),
            (1e6, "1000000", "1e+06"),
            (1_234_567.0, "1234567", "1.234567e+06"),
            (2.5e10, "25000000000", "2.5e+10"),
            (1e21, "1e+21", "1e+21"),
            (f64::INFINITY, "+Inf", "+Inf"),
        ] {
            assert_eq!((bound(value, false).as_str(), bound(value, true).as_str()), (text, openmetrics));
        }
    }

    #[test]
    fn texts() {
        assert_eq!(of(|out| quoted(out, "a \"b\" \\ \nö")), "a \\\"b\\\" \\\\ \\nö");
        assert_eq!(of(|out| help(out, "a \"b\" \\ \n", false)), "a \"b\" \\\\ \\n");
        assert_eq!(of(|out| help(out, "a \"b\"", true)), "a \\\"b\\\"");
    }
}
