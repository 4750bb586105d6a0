//! What a YAML document says, before it is known what it is to say.

use super::fault::{Fault, Place};
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// What people write has five.
const MAX_DEPTH: usize = 32;

/// An alias costs three bytes and stands for any number of them: all aliases together, for no more than so many nodes …
const MAX_NODES: usize = 50_000;
/// … and so many bytes.
const MAX_BYTES: usize = 4 << 20;

#[derive(Clone)]
pub struct Node {
    pub place: Place,
    /// Whether it is what has been said at another place
    pub is_alias: bool,
    pub value: Rc<Value>,
    size: Size,
}

pub enum Value {
    Text {
        text: String,
        /// Without quotes, so that it may be none
        plain: bool,
    },
    List(Vec<Node>),
    /// Their names are texts, and no two are the same
    Fields(Vec<(Node, Node)>),
}

/// Of all that a node has in it or stands for, itself included.
#[derive(Clone, Copy)]
struct Size {
    nodes: usize,
    bytes: usize,
    depth: usize,
}

impl Node {
    fn new(place: Place, value: Value) -> Self {
        let mut size = Size { nodes: 1, bytes: 0, depth: 0 };
        let mut add = |node: &Self| {
            size.nodes += node.size.nodes;
            size.bytes += node.size.bytes;
            size.depth = size.depth.max(node.size.depth);
        };
        match &value {
            Value::Text { text, .. } => size.bytes = text.len(),
            Value::List(items) => items.iter().for_each(add),
            Value::Fields(fields) => fields.iter().for_each(|(name, value)| {
                add(name);
                add(value);
            }),
        }
        size.depth += 1;
        Self { place, is_alias: false, value: Rc::new(value), size }
    }

    /// Nothing is written here.
    pub fn nothing(place: Place) -> Self {
        Self::new(place, Value::Text { text: String::new(), plain: true })
    }

    /// Where the last of these steps leads that is there.
    pub fn at(&self, steps: &[&str]) -> Place {
        let Some((first, rest)) = steps.split_first() else { return self.place };
        let next = match &*self.value {
            Value::List(items) => first.parse().ok().and_then(|number: usize| items.get(number)),
            Value::Fields(fields) => fields.iter().find(|(name, _)| name.text() == Some(first)).map(|(_, value)| value),
            Value::Text { .. } => None,
        };
        next.map_or(self.place, |next| next.at(rest))
    }

    pub fn text(&self) -> Option<&str> {
        if let Value::Text { text, .. } = &*self.value { Some(text) } else { None }
    }

    /// Whether it says that there is nothing (<https://yaml.org/spec/1.2.2/#1032-tag-resolution>).
    pub fn is_nothing(&self) -> bool {
        matches!(&*self.value, Value::Text { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// The one document that `text` is.
///
/// # Errors
/// When it is none, or stands for much more than it has bytes.
pub fn document(text: &str) -> Result<Node, Fault> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut composer = Composer { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0, bytes: 0 };
    let mut root = None;
    loop {
        match composer.next()? {
            (Event::StreamEnd, end) => return Ok(root.unwrap_or_else(|| Node::nothing(end))),
            (Event::StreamStart | Event::DocumentEnd, _) => {}
            (Event::DocumentStart(..), place) if root.is_some() => {
                let text = "there is a second document\nhint: one file is one document: is there a `---` too much?";
                return Err(Fault::at(place, text));
            }
            (Event::DocumentStart(..), _) => {
                let (event, place) = composer.next()?;
                root = Some(composer.node(event, place, 1)?);
            }
            (_, place) => return Err(Fault::at(place, "unexpected")),
        }
    }
}

struct Composer<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    /// What all aliases so far stand for
    nodes: usize,
    bytes: usize,
}

impl<'a> Composer<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Place), Fault> {
        let event = self.parser.next_event().transpose().map_err(|error| unreadable(&error))?;
        let (event, span) = event.unwrap_or((Event::StreamEnd, Span::default()));
        Ok((event, Place { line: span.start.line(), column: span.start.col() + 1 }))
    }

    /// What begins with `event`, within so many lists and fields, itself included.
    fn node(&mut self, event: Event<'a>, place: Place, depth: usize) -> Result<Node, Fault> {
        let (value, anchor) = match event {
            Event::Alias(anchor) => return self.alias(anchor, place, depth),
            _ if depth > MAX_DEPTH => return Err(too_deep(place)),
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = is_text(tag.as_deref(), place)?;
                (Value::Text { text: text.into(), plain: style == ScalarStyle::Plain && !quoted }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                is_text(tag.as_deref(), place)?;
                (self.list(depth)?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                is_text(tag.as_deref(), place)?;
                (self.fields(depth)?, anchor)
            }
            _ => return Err(Fault::at(place, "unexpected")),
        };
        let node = Node::new(place, value);
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut items = vec![];
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, place) => items.push(self.node(event, place, depth + 1)?),
            }
        }
    }

    fn fields(&mut self, depth: usize) -> Result<Value, Fault> {
        let (mut fields, mut names, mut merged) = (vec![], HashSet::new(), vec![]);
        loop {
            let name = match self.next()? {
                (Event::MappingEnd, _) => break,
                (event, place) => self.node(event, place, depth + 1)?,
            };
            let Value::Text { text, plain } = &*name.value.clone() else {
                return Err(Fault::at(name.place, "the name of a field is a text\nhint: lines `name: value`"));
            };
            if !names.insert(text.clone()) {
                return Err(Fault::at(name.place, format!("`{text}` is there twice\nhint: keep one of them")));
            }
            let (event, place) = self.next()?;
            let value = self.node(event, place, depth + 1)?;
            if *plain && text == "<<" {
                merged.push(value);
            } else {
                fields.push((name, value));
            }
        }
        // <https://yaml.org/type/merge.html>: what is said here holds, and then what the first of them says.
        while let Some(from) = merged.pop() {
            match &*from.value {
                Value::Fields(others) => {
                    let others =
                        others.iter().filter(|(name, _)| name.text().is_some_and(|name| names.insert(name.into())));
                    fields.extend(others.cloned());
                }
                Value::List(several) => merged.extend(several.iter().rev().cloned()),
                Value::Text { .. } => {
                    return Err(Fault::at(from.place, "`<<` is followed by no fields\nhint: `<<: *name`"));
                }
            }
        }
        Ok(Value::Fields(fields))
    }

    fn alias(&mut self, anchor: usize, place: Place, depth: usize) -> Result<Node, Fault> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(Fault::at(place, "this is within what it stands for\nhint: write out what is meant"));
        };
        self.nodes += node.size.nodes;
        self.bytes += node.size.bytes;
        if self.nodes > MAX_NODES || self.bytes > MAX_BYTES {
            let text = "far too much of it\nhint: use fewer aliases (`*name`), or write out what is meant";
            return Err(Fault::at(place, text));
        }
        if depth + node.size.depth - 1 > MAX_DEPTH {
            return Err(too_deep(place));
        }
        Ok(Node { place, is_alias: true, ..node.clone() })
    }
}

/// Whether a tag says that it is a text, whatever it looks like. Other tags of YAML itself say what is seen anyway.
fn is_text(tag: Option<&Tag>, place: Place) -> Result<bool, Fault> {
    match tag {
        None => Ok(false),
        Some(tag) if tag.is_yaml_core_schema() => Ok(tag.is_yaml_core_schema_tag("str")),
        Some(tag) => {
            let text =
                format!("`{}` means nothing here\nhint: quotes make a text of what begins with `!`", tag.original());
            Err(Fault::at(place, text))
        }
    }
}

fn too_deep(place: Place) -> Fault {
    Fault::at(place, format!("nested too deeply\nhint: nothing here has a use for more than {MAX_DEPTH} levels"))
}

fn unreadable(error: &ScanError) -> Fault {
    let place = Place { line: error.marker().line(), column: error.marker().col() + 1 };
    match error.kind() {
        ErrorKind::UnknownAnchor => {
            Fault::at(place, "reference to unknown value\nhint: a text that begins with `*` is in quotes")
        }
        _ => Fault::at(place, error.info()),
    }
}
