//! `application/x-www-form-urlencoded` as browsers read and write it (<https://url.spec.whatwg.org/#urlencoded-parsing>):
//! an object of strings, and of arrays of strings where a name comes several times.

use super::bounds::{Budget, Exceeded, Out};
use super::place::{self, Path};
use super::{Unfit, fields, scalar};
use jaq_json::{Map, Val};

pub fn decode(bytes: &[u8], budget: &mut Budget) -> Result<Val, Unfit> {
    let (mut fields, mut offset) = (Map::default(), 0);
    let exceeded = |offset: usize| move |limit: Exceeded| place::unfit(bytes, offset, limit.to_string());
    budget.value().and_then(|()| budget.enter()).map_err(exceeded(0))?;
    for field in bytes.split(|byte| *byte == b'&') {
        if !field.is_empty() {
            let mut halves = field.splitn(2, |byte| *byte == b'=').map(|half| {
                let text = String::from_utf8(decoded(half));
                text.map_err(|_| place::unfit(bytes, offset, "not valid UTF-8, once its escapes are read"))
            });
            let name = halves.next().transpose()?.unwrap_or_default();
            let value = halves.next().transpose()?.unwrap_or_default();
            let (name, value) = (Val::utf8_str(name), Val::utf8_str(value));
            budget.value().and_then(|()| fields::append(&mut fields, name, value, budget)).map_err(exceeded(offset))?;
        }
        offset += field.len() + 1;
    }
    Ok(Val::obj(fields))
}

/// `%` that begins no escape stays what it is.
fn decoded(text: &[u8]) -> Vec<u8> {
    let (mut decoded, mut rest) = (Vec::with_capacity(text.len()), text);
    while let [first, others @ ..] = rest {
        let escape = match (first, others) {
            (b'%', [high, low, after @ ..]) => {
                digit(*high).zip(digit(*low)).map(|(high, low)| (high << 4 | low, after))
            }
            _ => None,
        };
        let (byte, after) = escape.unwrap_or((if *first == b'+' { b' ' } else { *first }, others));
        decoded.push(byte);
        rest = after;
    }
    decoded
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Of an object whose fields are strings, numbers, booleans, null (nothing), or arrays of them.
pub fn encode(value: &Val, out: &mut Out, budget: &mut Budget) -> Result<(), Unfit> {
    let path = &Path::Whole;
    let Val::Obj(fields) = value else {
        return Err(path.unfit("a form is made of an object"));
    };
    let mut writer = Writer { out, budget, any: false };
    for (name, value) in fields.iter() {
        let path = &Path::Field(path, name);
        let name = scalar::name(name, path)?;
        match value {
            Val::Arr(items) => {
                for (index, item) in items.iter().enumerate() {
                    writer.field(name, item, &Path::Item(path, index))?;
                }
            }
            value => writer.field(name, value, path)?,
        }
    }
    Ok(())
}

struct Writer<'a, 'b> {
    out: &'a mut Out<'b>,
    budget: &'a mut Budget,
    any: bool,
}

impl Writer<'_, '_> {
    fn field(&mut self, name: &str, value: &Val, path: &Path) -> Result<(), Unfit> {
        let text = scalar::plain_or_empty(value, path)?;
        self.write(name, &text).map_err(|limit| limit.at(path))
    }

    fn write(&mut self, name: &str, value: &str) -> Result<(), Exceeded> {
        self.budget.value()?;
        if self.any {
            self.out.push(b"&")?;
        }
        self.any = true;
        self.escaped(name)?;
        self.out.push(b"=")?;
        self.escaped(value)
    }

    fn escaped(&mut self, text: &str) -> Result<(), Exceeded> {
        for byte in text.bytes() {
            match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'*' | b'-' | b'.' | b'_' => self.out.push(&[byte])?,
                b' ' => self.out.push(b"+")?,
                byte => self.out.push(format!("%{byte:02X}").as_bytes())?,
            }
        }
        Ok(())
    }
}
