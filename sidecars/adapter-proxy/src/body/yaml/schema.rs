//! What a text without quotes is.

use crate::body::scalar;
use jaq_json::{Num, Val};

/// Null, a boolean or a number; none of any other text. What is infinite or not a number is one of jaq's numbers, which
/// JSON has no way to write.
pub fn resolve(text: &str) -> Option<Val> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Val::Null,
        "true" | "True" | "TRUE" => Val::Bool(true),
        "false" | "False" | "FALSE" => Val::Bool(false),
        _ => Val::Num(number(text)?),
    })
}

fn number(text: &str) -> Option<Num> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    match digits {
        ".inf" | ".Inf" | ".INF" => {
            return Some(Num::Float(if sign.is_empty() { f64::INFINITY } else { f64::NEG_INFINITY }));
        }
        _ if matches!(text, ".nan" | ".NaN" | ".NAN") => return Some(Num::Float(f64::NAN)),
        _ => {}
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return radix(hexadecimal, 16);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return radix(octal, 8);
    }
    // The same as JSON has it: `.5` is 0.5, and `01.` is 1.
    let whole = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(whole);
    let (fraction, exponent) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(['e', 'E']).unwrap_or(rest.len())),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let json = format!("{sign}{whole}{point}{fraction}{exponent}");
    scalar::is_json(&json).then(|| if rest.is_empty() { scalar::integer(&json) } else { Num::Dec(json.into()) })
}

/// None, too, of more digits than anybody counts with.
fn radix(digits: &str, radix: u32) -> Option<Num> {
    let is_number = (1..=1000).contains(&digits.len()) && digits.chars().all(|digit| digit.is_digit(radix));
    is_number.then(|| Num::from_str_radix(digits, radix)).flatten()
}
