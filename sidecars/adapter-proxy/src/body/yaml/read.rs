use super::schema::resolve;
use crate::body::Unfit;
use crate::body::bounds::{Budget, Exceeded};
use crate::body::place::{self, shown};
use chassis::yaml::{self, Events};
use granit_parser::{ErrorKind, Event, ScalarStyle, Tag};
use jaq_json::{Map, Val};
use std::collections::HashMap;

/// An alias counts as all that it stands for. Names of fields are the text that they are written as, whatever that would
/// be as a value; a field that is there twice is refused, as YAML has it, and `<<` is a name like others.
pub fn decode(bytes: &[u8], budget: &mut Budget) -> Result<Val, Unfit> {
    let text = place::utf8(bytes)?;
    // It looks ahead, where levels are not counted yet.
    let levels = budget.limits().depth.saturating_add(1);
    let events = yaml::events(text.strip_prefix('\u{FEFF}').unwrap_or(text), levels);
    Composer { events, budget, anchors: HashMap::new(), place: (1, 1) }.document()
}

struct Composer<'a> {
    events: Events<'a>,
    budget: &'a mut Budget,
    anchors: HashMap<usize, Val>,
    /// Of the latest event: line and column
    place: (usize, usize),
}

impl<'a> Composer<'a> {
    fn document(&mut self) -> Result<Val, Unfit> {
        let mut root = None;
        loop {
            match self.next()? {
                Event::StreamEnd => return Ok(root.unwrap_or_default()),
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_some() => return Err(self.unfit("a second document")),
                Event::DocumentStart(..) => {
                    let event = self.next()?;
                    root = Some(self.value(event)?);
                }
                _ => return Err(self.unfit("unexpected")),
            }
        }
    }

    fn next(&mut self) -> Result<Event<'a>, Unfit> {
        match self.events.next() {
            Some(Ok((event, span))) => {
                self.place = (span.start.line(), span.start.col() + 1);
                Ok(event)
            }
            Some(Err(error)) => {
                let place = (error.marker().line(), error.marker().col() + 1);
                Err(match error.kind() {
                    ErrorKind::RecursionLimitExceeded => place::at(place, Exceeded::Depth(self.budget.limits().depth)),
                    _ => place::at(place, error.info()),
                })
            }
            None => Ok(Event::StreamEnd),
        }
    }

    /// What begins with `event`.
    fn value(&mut self, event: Event<'a>) -> Result<Val, Unfit> {
        let (value, anchor) = match event {
            Event::Alias(anchor) => return self.alias(anchor),
            Event::Scalar(text, style, anchor, tag) => {
                self.budget.value().map_err(|limit| self.unfit(limit))?;
                (self.scalar(&text, style == ScalarStyle::Plain, tag.as_deref())?, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.is_tagged(tag.as_deref(), "seq")?;
                (self.array()?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.is_tagged(tag.as_deref(), "map")?;
                (self.object()?, anchor)
            }
            _ => return Err(self.unfit("unexpected")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn array(&mut self) -> Result<Val, Unfit> {
        self.enter()?;
        let mut items = vec![];
        loop {
            match self.next()? {
                Event::SequenceEnd => break,
                event => items.push(self.value(event)?),
            }
        }
        self.budget.leave();
        Ok(Val::Arr(items.into()))
    }

    fn object(&mut self) -> Result<Val, Unfit> {
        self.enter()?;
        let mut fields: Map = Map::default();
        loop {
            let name = match self.next()? {
                Event::MappingEnd => break,
                Event::Scalar(text, _, anchor, tag) => {
                    self.is_tagged(tag.as_deref(), "str")?;
                    let name = Val::utf8_str(text.into_owned().into_bytes());
                    if anchor != 0 {
                        self.anchors.insert(anchor, name.clone());
                    }
                    name
                }
                Event::Alias(anchor) => match self.anchors.get(&anchor) {
                    Some(name @ Val::TStr(_)) => name.clone(),
                    _ => return Err(self.unfit("the name of a field is no text")),
                },
                _ => return Err(self.unfit("the name of a field is no text")),
            };
            if let Some((name, _)) = fields.get_key_value(&name) {
                return Err(self.unfit(format!("{} is there twice", shown(&name.to_string()))));
            }
            let event = self.next()?;
            fields.insert(name, self.value(event)?);
        }
        self.budget.leave();
        Ok(Val::obj(fields))
    }

    fn enter(&mut self) -> Result<(), Unfit> {
        self.budget.value().and_then(|()| self.budget.enter()).map_err(|limit| self.unfit(limit))
    }

    /// It takes no memory, but what is written of it does.
    fn alias(&mut self, anchor: usize) -> Result<Val, Unfit> {
        let value = self.anchors.get(&anchor).cloned();
        let value = value.ok_or_else(|| self.unfit("an alias within what it stands for"))?;
        self.budget.all_of(&value).map_err(|limit| self.unfit(limit))?;
        Ok(value)
    }

    fn scalar(&self, text: &str, plain: bool, tag: Option<&Tag>) -> Result<Val, Unfit> {
        let as_text = || Val::utf8_str(text.as_bytes().to_vec());
        let Some(tag) = tag else {
            return Ok(if plain { resolve(text).unwrap_or_else(as_text) } else { as_text() });
        };
        let value = match (tag.core_suffix(), resolve(text)) {
            (Some("str"), _) => Some(as_text()),
            (Some("null"), Some(value @ Val::Null))
            | (Some("bool"), Some(value @ Val::Bool(_)))
            | (Some("int" | "float"), Some(value @ Val::Num(_))) => Some(value),
            _ => None,
        };
        value.ok_or_else(|| self.unfit(format!("`{}` is not understood, or not here", shown(&tag.original()))))
    }

    /// Whether it has no other tag than this.
    fn is_tagged(&self, tag: Option<&Tag>, expected: &str) -> Result<(), Unfit> {
        match tag {
            Some(tag) if !tag.is_yaml_core_schema_tag(expected) => {
                Err(self.unfit(format!("`{}` is not understood, or not here", shown(&tag.original()))))
            }
            _ => Ok(()),
        }
    }

    fn unfit(&self, what: impl Into<String>) -> Unfit {
        place::at(self.place, what)
    }
}
