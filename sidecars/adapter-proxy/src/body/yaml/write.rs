use super::schema::resolve;
use crate::body::bounds::{Budget, Exceeded, Out};
use crate::body::place::Path;
use crate::body::{Unfit, scalar};
use jaq_json::{Num, Val};

/// A name that takes more than 1024 characters, escapes and quotes among them, has to be announced by `? `
/// (<https://yaml.org/spec/1.2.2/#742-flow-mappings>). One that is no longer than this, in bytes, never does.
const MAX_NAME: usize = 170;

/// In lines, as people write it.
pub fn encode(value: &Val, out: &mut Out, budget: &mut Budget) -> Result<(), Unfit> {
    Writer { out, budget }.value(value, 0, &Path::Whole)
}

struct Writer<'a, 'b> {
    out: &'a mut Out<'b>,
    budget: &'a mut Budget,
}

impl Writer<'_, '_> {
    /// From where it begins to the end of its last line. Further lines have so many spaces in front.
    fn value(&mut self, value: &Val, indent: usize, path: &Path) -> Result<(), Unfit> {
        let exceeded = |limit: Exceeded| limit.at(path);
        self.budget.value().map_err(exceeded)?;
        match value {
            Val::Arr(items) if !items.is_empty() => {
                self.budget.enter().map_err(exceeded)?;
                for (index, item) in items.iter().enumerate() {
                    let path = &Path::Item(path, index);
                    if index > 0 {
                        self.indent(indent, path)?;
                    }
                    self.push("- ", path)?;
                    self.value(item, indent + 2, path)?;
                }
                self.budget.leave();
                Ok(())
            }
            Val::Obj(fields) if !fields.is_empty() => {
                self.budget.enter().map_err(exceeded)?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    let path = &Path::Field(path, name);
                    if index > 0 {
                        self.indent(indent, path)?;
                    }
                    self.field(scalar::name(name, path)?, value, indent, path)?;
                }
                self.budget.leave();
                Ok(())
            }
            value => {
                self.scalar(value, path)?;
                self.push("\n", path)
            }
        }
    }

    fn field(&mut self, name: &str, value: &Val, indent: usize, path: &Path) -> Result<(), Unfit> {
        if name.len() > MAX_NAME {
            self.push("? ", path)?;
            self.text(name, path)?;
            self.push("\n", path)?;
            self.indent(indent, path)?;
        } else {
            self.text(name, path)?;
        }
        let is_empty = match value {
            Val::Arr(items) => items.is_empty(),
            Val::Obj(fields) => fields.is_empty(),
            _ => true,
        };
        if is_empty {
            self.push(": ", path)?;
        } else {
            self.push(":\n", path)?;
            self.indent(indent + 2, path)?;
        }
        self.value(value, indent + 2, path)
    }

    fn scalar(&mut self, value: &Val, path: &Path) -> Result<(), Unfit> {
        match value {
            Val::Null => self.push("null", path),
            Val::Bool(true) => self.push("true", path),
            Val::Bool(false) => self.push("false", path),
            Val::Num(Num::Float(float)) if float.is_nan() => self.push(".nan", path),
            Val::Num(Num::Float(f64::INFINITY)) => self.push(".inf", path),
            Val::Num(Num::Float(f64::NEG_INFINITY)) => self.push("-.inf", path),
            Val::Num(number) => {
                let text = scalar::text(number).ok_or_else(|| path.unfit(scalar::NOT_FINITE))?;
                self.push(&text, path)
            }
            Val::TStr(text) | Val::BStr(text) => {
                let text = str::from_utf8(text).map_err(|_| path.unfit(scalar::NO_TEXT))?;
                self.text(text, path)
            }
            Val::Arr(_) => self.push("[]", path),
            Val::Obj(_) => self.push("{}", path),
        }
    }

    /// In quotes, unless it is plain that it is a text.
    fn text(&mut self, text: &str, path: &Path) -> Result<(), Unfit> {
        if is_plain(text) { self.push(text, path) } else { quoted(text, self.out).map_err(|limit| limit.at(path)) }
    }

    fn indent(&mut self, spaces: usize, path: &Path) -> Result<(), Unfit> {
        self.push(&" ".repeat(spaces), path)
    }

    fn push(&mut self, text: &str, path: &Path) -> Result<(), Unfit> {
        self.out.push(text.as_bytes()).map_err(|limit| limit.at(path))
    }
}

/// Whether readers of any version of YAML take it for a text, and for this one.
fn is_plain(text: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || "_-./@+".contains(character);
    let words = ["y", "n", "yes", "no", "on", "off"];
    text.starts_with(|first: char| first.is_alphabetic() || first == '_' || first == '/')
        && text.split(' ').all(|word| !word.is_empty() && word.chars().all(is_word))
        && resolve(text).is_none()
        && !words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// As JSON has it, with escapes also of what is no character that one sees.
fn quoted(text: &str, out: &mut Out) -> Result<(), Exceeded> {
    out.push(b"\"")?;
    let mut rest = text;
    while let Some(found) = rest.find(is_special) {
        let (before, from) = rest.split_at(found);
        out.push(before.as_bytes())?;
        let mut characters = from.chars();
        match characters.next() {
            Some('"') => out.push(b"\\\"")?,
            Some('\\') => out.push(b"\\\\")?,
            Some('\n') => out.push(b"\\n")?,
            Some('\t') => out.push(b"\\t")?,
            Some(character) => out.push(format!("\\u{:04x}", u32::from(character)).as_bytes())?,
            None => {}
        }
        rest = characters.as_str();
    }
    out.push(rest.as_bytes())?;
    out.push(b"\"")
}

fn is_special(character: char) -> bool {
    matches!(character, '"' | '\\' | '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}')
        || character.is_control()
}
