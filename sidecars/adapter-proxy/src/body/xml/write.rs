use super::characters::{is_allowed, is_name};
use super::{ATTRIBUTE, TEXT};
use crate::body::bounds::{Budget, Exceeded, Out};
use crate::body::place::{Path, shown};
use crate::body::{Unfit, scalar};
use jaq_json::{Map, Val};

/// Of an object with one field, which is the root element.
pub fn encode(value: &Val, out: &mut Out, budget: &mut Budget) -> Result<(), Unfit> {
    let path = &Path::Whole;
    let mut writer = Writer { out, budget };
    if let Val::Obj(fields) = value
        && let (Some((name, value)), 1) = (fields.iter().next(), fields.len())
    {
        writer.push(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", path)?;
        writer.inside(path, |writer| match value {
            Val::Arr(_) => Err(Path::Field(path, name).unfit("an array, and the root element is one")),
            value => writer.element(name, value, &Path::Field(path, name)),
        })
    } else {
        Err(path.unfit("not an object with one field, which is to be the root element\nhint: `{root: .}`"))
    }
}

struct Writer<'a, 'b> {
    out: &'a mut Out<'b>,
    budget: &'a mut Budget,
}

impl Writer<'_, '_> {
    fn element(&mut self, name: &Val, value: &Val, path: &Path) -> Result<(), Unfit> {
        let name = scalar::name(name, path)?;
        if !is_name(name) {
            return Err(path.unfit(format!("`{}` is no name in XML", shown(name))));
        }
        self.push(b"<", path)?;
        self.push(name.as_bytes(), path)?;
        match value {
            Val::Obj(fields) => self.inside(path, |writer| writer.object(name, fields, path)),
            Val::Null => {
                self.count(path)?;
                self.push(b"/>", path)
            }
            value => {
                self.push(b">", path)?;
                self.text(value, path)?;
                self.close(name, path)
            }
        }
    }

    /// The rest of an element, from behind its name.
    fn object(&mut self, name: &str, fields: &Map, path: &Path) -> Result<(), Unfit> {
        let mut is_empty = true;
        for (field, value) in fields {
            let path = &Path::Field(path, field);
            match scalar::name(field, path)?.strip_prefix(ATTRIBUTE) {
                Some(attribute) => self.attribute(attribute, value, path)?,
                None => is_empty = false,
            }
        }
        if is_empty {
            return self.push(b"/>", path);
        }
        self.push(b">", path)?;
        for (field, value) in fields {
            let path = &Path::Field(path, field);
            match (scalar::name(field, path)?, value) {
                (attribute, _) if attribute.starts_with(ATTRIBUTE) => {}
                (TEXT, value) => self.text(value, path)?,
                (_, Val::Arr(items)) => self.inside(path, |writer| {
                    for (index, item) in items.iter().enumerate() {
                        let path = &Path::Item(path, index);
                        if matches!(item, Val::Arr(_)) {
                            return Err(path.unfit("an array in an array, for whose elements there is no name"));
                        }
                        writer.element(field, item, path)?;
                    }
                    Ok(())
                })?,
                (_, value) => self.element(field, value, path)?,
            }
        }
        self.close(name, path)
    }

    fn attribute(&mut self, name: &str, value: &Val, path: &Path) -> Result<(), Unfit> {
        if !is_name(name) {
            return Err(path.unfit(format!("`{}` is no name in XML", shown(name))));
        }
        self.count(path)?;
        let text = scalar::plain_or_empty(value, path)?;
        for part in [b" ", name.as_bytes(), b"=\""] {
            self.push(part, path)?;
        }
        self.escaped(&text, true, path)?;
        self.push(b"\"", path)
    }

    fn text(&mut self, value: &Val, path: &Path) -> Result<(), Unfit> {
        self.count(path)?;
        self.escaped(&scalar::plain_or_empty(value, path)?, false, path)
    }

    fn close(&mut self, name: &str, path: &Path) -> Result<(), Unfit> {
        for part in [b"</", name.as_bytes(), b">"] {
            self.push(part, path)?;
        }
        Ok(())
    }

    /// White space that a reader would change is escaped, too.
    fn escaped(&mut self, text: &str, attribute: bool, path: &Path) -> Result<(), Unfit> {
        let mut rest = text;
        while let Some(found) = rest.find(|character: char| is_special(character, attribute)) {
            let (before, from) = rest.split_at(found);
            self.push(before.as_bytes(), path)?;
            let mut characters = from.chars();
            let escape: &[u8] = match characters.next() {
                Some('&') => b"&amp;",
                Some('<') => b"&lt;",
                Some('>') => b"&gt;",
                Some('"') => b"&quot;",
                Some('\t') => b"&#9;",
                Some('\n') => b"&#10;",
                Some('\r') => b"&#13;",
                Some(character) => {
                    return Err(
                        path.unfit(format!("the character U+{:04X}, which XML does not have", u32::from(character)))
                    );
                }
                None => b"",
            };
            self.push(escape, path)?;
            rest = characters.as_str();
        }
        self.push(rest.as_bytes(), path)
    }

    /// Within an array or object.
    fn inside(&mut self, path: &Path, write: impl FnOnce(&mut Self) -> Result<(), Unfit>) -> Result<(), Unfit> {
        self.count(path)?;
        self.budget.enter().map_err(|limit| limit.at(path))?;
        write(self)?;
        self.budget.leave();
        Ok(())
    }

    fn count(&mut self, path: &Path) -> Result<(), Unfit> {
        self.budget.value().map_err(|limit| limit.at(path))
    }

    fn push(&mut self, text: &[u8], path: &Path) -> Result<(), Unfit> {
        self.out.push(text).map_err(|limit: Exceeded| limit.at(path))
    }
}

fn is_special(character: char, attribute: bool) -> bool {
    match character {
        '&' | '<' | '>' | '\r' => true,
        '"' | '\t' | '\n' => attribute,
        character => !is_allowed(character),
    }
}
