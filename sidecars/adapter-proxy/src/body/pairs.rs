//! Lines `key: value`, or with another separator: an object of strings. What else there is, comments with `#` among it,
//! is skipped; of several lines with the same key the last holds.

use super::bounds::{Budget, Exceeded, Out};
use super::place::{self, Path, shown};
use super::{Unfit, scalar};
use jaq_json::{Map, Val};

pub fn decode(separator: &str, bytes: &[u8], budget: &mut Budget) -> Result<Val, Unfit> {
    let (mut fields, mut offset) = (Map::default(), 0);
    let exceeded = |offset: usize| move |limit: Exceeded| place::unfit(bytes, offset, limit.to_string());
    budget.value().and_then(|()| budget.enter()).map_err(exceeded(0))?;
    for line in place::utf8(bytes)?.split('\n') {
        if let Some((key, value)) = pair(separator, line) {
            budget.value().map_err(exceeded(offset))?;
            fields.insert(Val::utf8_str(key.as_bytes().to_vec()), Val::utf8_str(value.as_bytes().to_vec()));
        }
        offset += line.len() + 1;
    }
    Ok(Val::obj(fields))
}

fn pair<'a>(separator: &str, line: &'a str) -> Option<(&'a str, &'a str)> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let halves = if separator == " " { line.split_once(char::is_whitespace) } else { line.split_once(separator) };
    halves.map(|(key, value)| (key.trim(), value.trim()))
}

/// Of an object of strings, numbers, booleans and null (nothing).
pub fn encode(separator: &str, value: &Val, out: &mut Out, budget: &mut Budget) -> Result<(), Unfit> {
    let path = &Path::Whole;
    let Val::Obj(fields) = value else {
        return Err(path.unfit("lines of pairs are made of an object"));
    };
    for (name, value) in fields.iter() {
        let path = &Path::Field(path, name);
        let (key, value) = (scalar::name(name, path)?, scalar::plain_or_empty(value, path)?);
        let line = format!("{key}{separator}{value}");
        if pair(separator, &line) != Some((key, &value)) || line.contains('\n') {
            return Err(path.unfit(format!("`{}` would be read as something else", shown(&line))));
        }
        let written = budget.value().and_then(|()| out.push(line.as_bytes())).and_then(|()| out.push(b"\n"));
        written.map_err(|limit| limit.at(path))?;
    }
    Ok(())
}
