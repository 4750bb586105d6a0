//! Each format, with what is hostile in it.

mod csv;
mod form;
mod format;
mod json;
mod lines;
mod pairs;
mod text;

use super::{Format, Limits, Unfit};
use jaq_json::Val;

const LIMITS: Limits = Limits { depth: 100, values: 100_000, output: 4 << 20 };

/// The value of a JSON text.
fn val(json: &str) -> Val {
    Format::Json.decode(json.as_bytes(), &LIMITS).unwrap()
}

fn decoded(format: &Format, bytes: impl AsRef<[u8]>) -> Result<Val, Unfit> {
    format.decode(bytes.as_ref(), &LIMITS)
}

/// What is wrong, and where.
fn refused(format: &Format, bytes: impl AsRef<[u8]>) -> (String, String) {
    let unfit = decoded(format, bytes).unwrap_err();
    (unfit.what, unfit.at.unwrap_or_default())
}

fn encoded(format: &Format, value: &Val) -> Result<String, Unfit> {
    let mut out = b"before".to_vec();
    let done = format.encode(value, &mut out, &LIMITS);
    let out = String::from_utf8(out).unwrap().strip_prefix("before").unwrap().to_owned();
    assert!(done.is_ok() || out.is_empty(), "{out} is left");
    done.map(|()| out)
}

/// Why it is not written.
fn unwritten(format: &Format, json: &str) -> (String, String) {
    let unfit = encoded(format, &val(json)).unwrap_err();
    (unfit.what, unfit.at.unwrap_or_default())
}

fn told(what: &str, at: &str) -> (String, String) {
    (what.into(), at.into())
}
