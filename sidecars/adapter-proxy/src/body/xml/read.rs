use super::characters::{is_allowed, is_name};
use super::{ATTRIBUTE, TEXT};
use crate::body::bounds::Budget;
use crate::body::place::{self, shown};
use crate::body::{Unfit, fields};
use jaq_json::{Map, Val};
use quick_xml::errors::{Error, IllFormedError};
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// What a document type definition is for, harms who reads it: entities are none but the five that XML has itself.
const DOCTYPE: &str = "a DOCTYPE, and what it defines is not read\nhint: leave it out";

/// In UTF-8, and nothing else.
pub fn decode(bytes: &[u8], budget: &mut Budget) -> Result<Val, Unfit> {
    if bytes.starts_with(b"\xFE\xFF") || bytes.starts_with(b"\xFF\xFE") {
        return Err(place::unfit(bytes, 0, "UTF-16, and only UTF-8 is read"));
    }
    let text = place::utf8(bytes)?;
    if let Some((offset, character)) = text.char_indices().find(|(_, character)| !is_allowed(*character)) {
        return Err(place::unfit(bytes, offset, forbidden(character)));
    }
    let xml = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_comments = true;
    let mut document = Document { budget, open: vec![], root: None };
    loop {
        let start = reader.buffer_position();
        let wrong = match reader.read_event() {
            Ok(Event::Eof) => match document.end() {
                Ok(root) => return Ok(root),
                Err(wrong) => Some((start, wrong)),
            },
            Ok(Event::Decl(_)) if start > 0 => Some((start, "an XML declaration that is not in front".into())),
            Ok(event) => document.event(&event).err().map(|wrong| (start, wrong)),
            Err(error) => {
                let at = reader.error_position();
                let rest = usize::try_from(at).ok().and_then(|at| xml.get(at..)).unwrap_or_default();
                let is_doctype = rest.get(..9).is_some_and(|rest| rest.eq_ignore_ascii_case("<!DOCTYPE"));
                Some((at, if is_doctype { DOCTYPE.into() } else { says(&error) }))
            }
        };
        if let Some((offset, wrong)) = wrong {
            let offset = usize::try_from(offset).unwrap_or(xml.len());
            return Err(place::unfit(bytes, text.len() - xml.len() + offset, wrong));
        }
    }
}

struct Document<'a> {
    budget: &'a mut Budget,
    open: Vec<Element>,
    root: Option<Val>,
}

#[derive(Default)]
struct Element {
    name: String,
    fields: Map,
    text: String,
}

impl Document<'_> {
    fn event(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Start(tag) => self.start(tag)?,
            Event::Empty(tag) => {
                self.start(tag)?;
                self.close()?;
            }
            Event::End(_) => self.close()?,
            Event::Text(text) => {
                if text.contains("]]>") {
                    return Err("`]]>` in a text\nhint: `]]&gt;`".into());
                }
                self.text(&text.xml10_content())?;
            }
            Event::CData(_) if self.open.is_empty() => return Err("text outside of the root element".into()),
            Event::CData(text) => self.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => self.reference(reference)?,
            Event::Decl(declaration) => check(declaration)?,
            Event::DocType(_) => return Err(DOCTYPE.into()),
            Event::Comment(_) | Event::PI(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn start(&mut self, tag: &BytesStart) -> Result<(), String> {
        if self.root.is_some() {
            return Err("a second root element".into());
        }
        if self.open.is_empty() {
            // The document is an object, too.
            self.budget.value()?;
        }
        // What it is in is one by now.
        self.budget.value()?;
        self.budget.enter()?;
        let mut element = Element { name: name(tag.name().into_inner())?, ..Element::default() };
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| format!("a tag that is none: {error}"))?;
            let name = name(attribute.key.into_inner())?;
            if attribute.value.contains('<') {
                return Err(format!("`<` in the attribute `{}`\nhint: `&lt;`", shown(&name)));
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| says(&error))?;
            if let Some(character) = value.chars().find(|character| !is_allowed(*character)) {
                return Err(forbidden(character));
            }
            self.budget.value()?;
            element.fields.insert(string(format!("{ATTRIBUTE}{name}")), string(value.into_owned()));
        }
        self.open.push(element);
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(Element { name, mut fields, mut text }) = self.open.pop() else {
            return Err("a closing tag that closes nothing".into());
        };
        let trimmed = text.trim_matches([' ', '\t', '\n', '\r']);
        if trimmed.len() < text.len() {
            text = trimmed.into();
        }
        let value = match (text.is_empty(), fields.is_empty()) {
            (true, true) => Val::Null,
            (true, false) => Val::obj(fields),
            (false, true) => string(text),
            (false, false) => {
                self.budget.value()?;
                fields.insert(string(TEXT.into()), string(text));
                Val::obj(fields)
            }
        };
        let name = string(name);
        match self.open.last_mut() {
            Some(parent) => fields::append(&mut parent.fields, name, value, self.budget)?,
            None => self.root = Some(Val::obj([(name, value)].into_iter().collect())),
        }
        self.budget.leave();
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim_matches([' ', '\t', '\n']).is_empty() => {}
            None => return Err("text outside of the root element".into()),
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef) -> Result<(), String> {
        if self.open.is_empty() {
            return Err("text outside of the root element".into());
        }
        if let Some(character) = reference.resolve_char_ref().map_err(|error| says(&error))? {
            return if is_allowed(character) {
                self.text(character.encode_utf8(&mut [0; 4]))
            } else {
                Err(forbidden(character))
            };
        }
        let known = resolve_xml_entity(reference);
        self.text(known.ok_or_else(|| format!("`&{};` is not defined", shown(reference)))?)
    }

    fn end(&mut self) -> Result<Val, String> {
        if let Some(element) = self.open.last() {
            return Err(format!("`<{}>` is not closed", shown(&element.name)));
        }
        let root = self.root.take().ok_or("there is no root element")?;
        // What comes again has become an array, and so all that is in it is deeper than it was.
        self.budget.afresh().all_of(&root)?;
        Ok(root)
    }
}

fn name(text: &str) -> Result<String, String> {
    if is_name(text) { Ok(text.into()) } else { Err(format!("`{}` is no name", shown(text))) }
}

fn string(text: String) -> Val {
    Val::utf8_str(text.into_bytes())
}

fn forbidden(character: char) -> String {
    format!("the character U+{:04X}, which XML does not have", u32::from(character))
}

fn check(declaration: &BytesDecl) -> Result<(), String> {
    declaration.version().map_err(|error| says(&error))?;
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(name)) if ["utf-8", "utf8", "us-ascii"].iter().any(|known| name.eq_ignore_ascii_case(known)) => Ok(()),
        Some(Ok(name)) => Err(format!("`{}`, and only UTF-8 is read", shown(&name))),
        Some(Err(error)) => Err(format!("an XML declaration that is none: {error}")),
    }
}

fn says(error: &Error) -> String {
    match error {
        Error::IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => {
            format!("`</{}>`, and `</{}>` was expected", shown(found), shown(expected))
        }
        Error::IllFormed(IllFormedError::UnmatchedEndTag(found)) => format!("`</{}>` closes nothing", shown(found)),
        Error::IllFormed(IllFormedError::UnclosedReference) => "`&` that begins no reference\nhint: `&amp;`".into(),
        error => shown(&error.to_string()),
    }
}
