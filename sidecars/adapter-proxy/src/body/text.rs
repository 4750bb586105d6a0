//! A whole body as one string.

use super::bounds::{Budget, Out};
use super::place::{self, Path};
use super::{Unfit, scalar};
use jaq_json::Val;

pub fn decode(bytes: &[u8], budget: &mut Budget) -> Result<Val, Unfit> {
    budget.value().map_err(|limit| place::unfit(bytes, 0, limit.to_string()))?;
    Ok(Val::utf8_str(place::utf8(bytes)?.as_bytes().to_vec()))
}

/// Of a string, number or boolean.
pub fn encode(value: &Val, out: &mut Out) -> Result<(), Unfit> {
    let path = Path::Whole;
    let text = scalar::plain(value, &path).unwrap_or_else(|| {
        Err(path.unfit("not a string, and as text nothing else is written\nhint: `tojson` makes a string of any value"))
    })?;
    out.push(text.as_bytes()).map_err(|limit| limit.at(&path))
}
