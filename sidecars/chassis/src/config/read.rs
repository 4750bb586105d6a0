//! From what a document says to what a program wants to know. Whatever is read, the document's tree is the only form it
//! comes from, so that there is one reader in a program, and not one for each type and each kind of source.

use super::fault::{Fault, Place};
use super::tree::{Node, Value};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use std::marker::PhantomData;
use std::slice::Iter;

/// # Errors
/// When it says something else.
pub fn read<T: DeserializeOwned>(root: &Node) -> Result<T, Fault> {
    Reader::new(root, None).read(PhantomData)
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    /// Where the outermost alias is that this is read by
    alias: Option<Place>,
}

impl<'a> Reader<'a> {
    fn new(node: &'a Node, alias: Option<Place>) -> Self {
        Self { node, alias: alias.or(node.is_alias.then_some(node.place)) }
    }

    /// What is wrong within has a place; what is wrong with the whole is wrong where that begins.
    fn read<'de, T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self).map_err(|fault| fault.within(self.place()))
    }

    fn place(self) -> Place {
        self.alias.unwrap_or(self.node.place)
    }

    fn fault(self, text: impl Into<String>) -> Fault {
        Fault::at(self.place(), text)
    }

    fn scalar(self, expected: &str) -> Result<&'a str, Fault> {
        self.node.text().ok_or_else(|| self.fault(format!("expected {expected}")))
    }

    fn text(self) -> Result<&'a str, Fault> {
        if self.node.is_nothing() {
            let text = "there is no text\nhint: write some, in quotes if it is to be empty or `null`";
            return Err(self.fault(text));
        }
        self.scalar("a text\nhint: quotes make one of anything, such as `\"{a: b}\"`")
    }

    fn bool(self) -> Result<bool, Fault> {
        let text = self.scalar("`true` or `false`")?;
        bool(text).ok_or_else(|| self.fault(format!("expected `true` or `false`, found `{text}`")))
    }

    fn number(self) -> Result<Number, Fault> {
        let text = self.scalar("a number")?;
        number(text).ok_or_else(|| self.fault(format!("expected a number, found `{text}`")))
    }

    fn items(self) -> Result<Items<'a>, Fault> {
        let items = match &*self.node.value {
            Value::List(items) => items.iter(),
            _ if self.node.is_nothing() => [].iter(),
            _ => return Err(self.fault("expected a list\nhint: `[a, b]`, or lines `- a`")),
        };
        Ok(Items { items, alias: self.alias })
    }

    fn fields(self) -> Result<Fields<'a>, Fault> {
        let fields = match &*self.node.value {
            Value::Fields(fields) => fields.iter(),
            _ if self.node.is_nothing() => [].iter(),
            _ => return Err(self.fault("expected fields\nhint: lines `name: value`")),
        };
        Ok(Fields { fields, value: None, alias: self.alias })
    }
}

/// As they are written: <https://yaml.org/spec/1.2.2/#1032-tag-resolution>.
fn bool(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None, // `no` is Norway
    }
}

enum Number {
    Positive(u64),
    Negative(i64),
    Float(f64),
}

fn number(text: &str) -> Option<Number> {
    let radix = |prefix, radix| text.strip_prefix(prefix).and_then(|digits| u64::from_str_radix(digits, radix).ok());
    if let Some(number) = text.parse().ok().or_else(|| radix("0x", 16)).or_else(|| radix("0o", 8)) {
        return Some(Number::Positive(number));
    }
    if let Ok(number) = text.parse() {
        return Some(Number::Negative(number));
    }
    // Rust knows `inf` and `nan`, too, which are texts in YAML.
    let is_float = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|_| is_float).map(Number::Float)
}

/// Whoever wants a number says which.
macro_rules! numbers {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.deserialize_f64(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &*self.node.value {
            Value::List(_) => visitor.visit_seq(self.items()?),
            Value::Fields(_) => visitor.visit_map(self.fields()?),
            _ if self.node.is_nothing() => visitor.visit_unit(),
            Value::Text { text, plain: false } => visitor.visit_str(text),
            Value::Text { text, .. } => match bool(text) {
                Some(bool) => visitor.visit_bool(bool),
                None if number(text).is_some() => self.deserialize_f64(visitor),
                None => visitor.visit_str(text),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_bool(self.bool()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.number()? {
            Number::Positive(number) => visitor.visit_u64(number),
            Number::Negative(number) => visitor.visit_i64(number),
            Number::Float(number) => visitor.visit_f64(number),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.text()?)
    }

    /// Of a field or a variant, which may be called `null`
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.scalar("a name")?)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(self.items()?)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(self.fields()?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(self.fields()?)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.node.is_nothing() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let (name, value) = match &*self.node.value {
            Value::Text { .. } => (self.node, None),
            Value::Fields(fields) if fields.len() == 1 => (&fields[0].0, Some(&fields[0].1)),
            _ => return Err(self.fault("expected one name\nhint: `name`, or `name: value`")),
        };
        let variant = Variant { name: Reader::new(name, self.alias), value };
        visitor.visit_enum(variant)
    }

    // What no configuration asks for is read as what it looks like.
    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

struct Items<'a> {
    items: Iter<'a, Node>,
    alias: Option<Place>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.items.next().map(|item| Reader::new(item, self.alias).read(seed)).transpose()
    }
}

struct Fields<'a> {
    fields: Iter<'a, (Node, Node)>,
    /// Of the field whose name was read last
    value: Option<&'a Node>,
    alias: Option<Place>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((name, value)) = self.fields.next() else { return Ok(None) };
        self.value = Some(value);
        Reader::new(name, self.alias).read(seed).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let value = self.value.take().expect("serde asks for a name first");
        Reader::new(value, self.alias).read(seed)
    }
}

/// One of several: its name, and what belongs to it.
struct Variant<'a> {
    name: Reader<'a>,
    value: Option<&'a Node>,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Fault> {
        Ok((self.name.read(seed)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.value {
            Some(value) if !value.is_nothing() => {
                Err(Reader::new(value, self.name.alias).fault("nothing can be said here\nhint: the name is enough"))
            }
            _ => Ok(()),
        }
    }

    /// The name alone is enough where all that belongs to it has a default.
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        let nothing = Node::nothing(self.name.place());
        Reader::new(self.value.unwrap_or(&nothing), self.name.alias).read(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        let nothing = Node::nothing(self.name.place());
        Reader::new(self.value.unwrap_or(&nothing), self.name.alias).deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        let nothing = Node::nothing(self.name.place());
        Reader::new(self.value.unwrap_or(&nothing), self.name.alias).deserialize_map(visitor)
    }
}
