//! What holds of bodies in any format.

use adapter_proxy::body::{Format, Limits};
use jaq_json::{Num, Val};

/// Small, so that they are reached.
pub const LIMITS: Limits = Limits { depth: 8, values: 100, output: 1 << 20 };

/// What `bytes` are in this format, which keeps to the limits, also as JSON.
pub fn read(format: &Format, bytes: &[u8]) -> Option<Val> {
    let value = format.decode(bytes, &LIMITS).ok()?;
    let (mut values, mut depth) = (0, 0);
    measure(&value, 0, &mut values, &mut depth);
    assert!(values <= LIMITS.values && depth <= LIMITS.depth, "{values} values, {depth} deep");
    if is_json(&value) {
        assert_same(&Format::Json, &value);
    }
    Some(value)
}

/// That `value` can be written, and is the same when it is read again.
pub fn assert_same(format: &Format, value: &Val) {
    let mut text = vec![];
    format.encode(value, &mut text, &LIMITS).unwrap_or_else(|unfit| panic!("{format}: {unfit:?} of {value}"));
    let again = format.decode(&text, &LIMITS);
    let again = again.unwrap_or_else(|unfit| panic!("{unfit:?} in {}", String::from_utf8_lossy(&text)));
    // What is not a number is not the same as itself.
    assert!(again == *value || again.to_string() == value.to_string(), "{value} as {}", String::from_utf8_lossy(&text));

    let less = text.len() / 2;
    let unfit = format.encode(value, &mut text, &Limits { output: less, ..LIMITS });
    assert!(unfit.is_err() || text.len() <= 1);
}

fn measure(value: &Val, level: usize, values: &mut usize, depth: &mut usize) {
    *values += 1;
    let inner: Box<dyn Iterator<Item = &Val>> = match value {
        Val::Arr(items) => Box::new(items.iter()),
        Val::Obj(fields) => Box::new(fields.values()),
        _ => return,
    };
    *depth = (*depth).max(level + 1);
    inner.for_each(|value| measure(value, level + 1, values, depth));
}

fn is_json(value: &Val) -> bool {
    match value {
        Val::Num(Num::Float(float)) => float.is_finite(),
        Val::Arr(items) => items.iter().all(is_json),
        Val::Obj(fields) => fields.values().all(is_json),
        _ => true,
    }
}
