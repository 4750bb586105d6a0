use crate::body::bounds::{Budget, Exceeded, Out};
use crate::body::place::Path;
use crate::body::{Unfit, scalar};
use jaq_json::{Num, Val};

/// Without white space.
pub fn encode(value: &Val, out: &mut Out, budget: &mut Budget) -> Result<(), Unfit> {
    Writer { out, budget }.value(value, &Path::Whole)
}

struct Writer<'a, 'b> {
    out: &'a mut Out<'b>,
    budget: &'a mut Budget,
}

impl Writer<'_, '_> {
    fn value(&mut self, value: &Val, path: &Path) -> Result<(), Unfit> {
        self.budget.value().map_err(|limit| limit.at(path))?;
        match value {
            Val::Null => self.push(b"null", path),
            Val::Bool(true) => self.push(b"true", path),
            Val::Bool(false) => self.push(b"false", path),
            Val::Num(Num::Int(integer)) => self.out.integer(*integer).map_err(|limit| limit.at(path)),
            Val::Num(number) => {
                let text = scalar::text(number).ok_or_else(|| path.unfit(scalar::NOT_FINITE))?;
                self.push(text.as_bytes(), path)
            }
            Val::TStr(text) | Val::BStr(text) => {
                self.string(str::from_utf8(text).map_err(|_| path.unfit(scalar::NO_TEXT))?, path)
            }
            Val::Arr(items) => {
                self.open(b"[", path)?;
                for (index, item) in items.iter().enumerate() {
                    let path = &Path::Item(path, index);
                    if index > 0 {
                        self.push(b",", path)?;
                    }
                    self.value(item, path)?;
                }
                self.close(b"]", path)
            }
            Val::Obj(fields) => {
                self.open(b"{", path)?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    let path = &Path::Field(path, name);
                    if index > 0 {
                        self.push(b",", path)?;
                    }
                    self.string(scalar::name(name, path)?, path)?;
                    self.push(b":", path)?;
                    self.value(value, path)?;
                }
                self.close(b"}", path)
            }
        }
    }

    fn open(&mut self, bracket: &[u8], path: &Path) -> Result<(), Unfit> {
        self.budget.enter().map_err(|limit| limit.at(path))?;
        self.push(bracket, path)
    }

    fn close(&mut self, bracket: &[u8], path: &Path) -> Result<(), Unfit> {
        self.budget.leave();
        self.push(bracket, path)
    }

    #[inline]
    fn push(&mut self, text: &[u8], path: &Path) -> Result<(), Unfit> {
        self.out.push(text).map_err(|limit| limit.at(path))
    }

    fn string(&mut self, text: &str, path: &Path) -> Result<(), Unfit> {
        quoted(text, self.out).map_err(|limit| limit.at(path))
    }
}

/// `text` as a string of JSON.
pub fn quoted(text: &str, out: &mut Out) -> Result<(), Exceeded> {
    out.push(b"\"")?;
    let mut rest = text.as_bytes();
    while let Some(plain) = rest.iter().position(|byte| matches!(byte, 0..=0x1F | b'"' | b'\\')) {
        let (before, from) = rest.split_at(plain);
        out.push(before)?;
        let [special, after @ ..] = from else { break };
        match special {
            b'"' => out.push(b"\\\"")?,
            b'\\' => out.push(b"\\\\")?,
            b'\n' => out.push(b"\\n")?,
            b'\r' => out.push(b"\\r")?,
            b'\t' => out.push(b"\\t")?,
            control => out.push(format!("\\u{control:04x}").as_bytes())?,
        }
        rest = after;
    }
    out.push(rest)?;
    out.push(b"\"")
}
