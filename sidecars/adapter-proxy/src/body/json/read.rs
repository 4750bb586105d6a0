use crate::body::bounds::{Budget, Exceeded};
use crate::body::{Unfit, place, scalar};
use bytes::Bytes;
use hifijson::escape::Error as Escape;
use hifijson::num::LexWrite;
use hifijson::str::{Error as Text, LexAlloc};
use hifijson::token::{Expect, Lex};
use hifijson::{Error, Read, SliceLexer};
use jaq_json::{Map, Num, Val};
use std::borrow::Cow;

/// A byte order mark in front is skipped, as RFC 8259, section 8.1 allows. Of several fields of a name the last holds.
/// Numbers are kept exactly.
pub fn decode(bytes: &[u8], budget: &mut Budget) -> Result<Val, Unfit> {
    // Strings are parts of it, and take no memory of their own.
    let body = Bytes::copy_from_slice(bytes);
    let mut lexer = SliceLexer::new(body.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(&body));
    let mut reader = Reader { body: &body, budget };
    lexer.exactly_one(SliceLexer::ws_peek, |next, lexer| reader.value(next, lexer)).map_err(|wrong| {
        let rest = lexer.as_slice();
        // Whatever it made of the rest, that is what is wrong.
        let not_text = place::utf8(bytes).err();
        not_text.unwrap_or_else(|| place::unfit(bytes, bytes.len() - rest.len(), wrong.says(rest)))
    })
}

struct Reader<'a> {
    body: &'a Bytes,
    budget: &'a mut Budget,
}

impl Reader<'_> {
    /// What begins with `next`, which is still to be taken.
    fn value(&mut self, next: u8, lexer: &mut SliceLexer) -> Result<Val, Wrong> {
        self.budget.value()?;
        Ok(match next {
            b'"' => self.string(lexer)?,
            b'0'..=b'9' | b'-' => Val::Num(number(lexer)?),
            b'{' => self.object(lexer)?,
            b'[' => self.array(lexer)?,
            b't' if lexer.strip_prefix(b"true") => Val::Bool(true),
            b'f' if lexer.strip_prefix(b"false") => Val::Bool(false),
            b'n' if lexer.strip_prefix(b"null") => Val::Null,
            _ => return Err(Expect::Value.into()),
        })
    }

    fn array(&mut self, lexer: &mut SliceLexer) -> Result<Val, Wrong> {
        self.budget.enter()?;
        let mut items = vec![];
        lexer.discarded().seq(b']', SliceLexer::ws_peek, |next, lexer| {
            items.push(self.value(next, lexer)?);
            Ok::<_, Wrong>(())
        })?;
        self.budget.leave();
        Ok(Val::Arr(items.into()))
    }

    fn object(&mut self, lexer: &mut SliceLexer) -> Result<Val, Wrong> {
        self.budget.enter()?;
        let mut fields = Map::default();
        lexer.discarded().seq(b'}', SliceLexer::ws_peek, |next, lexer| {
            if next != b'"' {
                return Err(Expect::String.into());
            }
            let name = self.string(lexer)?;
            lexer.expect(SliceLexer::ws_peek, b':').ok_or(Expect::Colon)?;
            let next = lexer.ws_peek().ok_or(Expect::Value)?;
            fields.insert(name, self.value(next, lexer)?);
            Ok::<_, Wrong>(())
        })?;
        self.budget.leave();
        Ok(Val::obj(fields))
    }

    fn string(&self, lexer: &mut SliceLexer) -> Result<Val, Wrong> {
        Ok(match lexer.discarded().str_string().map_err(Error::Str)? {
            Cow::Borrowed(text) => Val::utf8_str(self.body.slice_ref(text.as_bytes())),
            Cow::Owned(text) => Val::utf8_str(text.into_bytes()),
        })
    }
}

fn number(lexer: &mut SliceLexer) -> Result<Num, Wrong> {
    let (text, parts) = lexer.num_string().validated().map_err(Error::Num)?;
    Ok(if parts.is_int() { scalar::integer(text) } else { Num::Dec(text.to_owned().into()) })
}

enum Wrong {
    Syntax(Error),
    Limit(Exceeded),
}

impl Wrong {
    /// With what was still to be read.
    fn says(&self, rest: &[u8]) -> String {
        match self {
            Self::Limit(limit) => limit.to_string(),
            Self::Syntax(Error::Token(Expect::Eof)) => "there is more after the value".into(),
            Self::Syntax(Error::Token(_) | Error::Num(_)) if rest.is_empty() => "it ends too soon".into(),
            Self::Syntax(Error::Str(Text::Eof | Text::Escape(Escape::Eof))) => "it ends within a string".into(),
            Self::Syntax(Error::Str(Text::Control)) => "a control character in a string".into(),
            Self::Syntax(Error::Str(Text::Escape(Escape::InvalidChar(_) | Escape::ExpectedLowSurrogate))) => {
                "half of a surrogate pair".into()
            }
            Self::Syntax(Error::Str(Text::Escape(_))) => "an escape that JSON does not have".into(),
            Self::Syntax(error @ Error::Num(_)) => format!("{error} in a number"),
            Self::Syntax(error) => error.to_string(),
        }
    }
}

impl From<Expect> for Wrong {
    fn from(expected: Expect) -> Self {
        Self::Syntax(Error::Token(expected))
    }
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Self::Syntax(error)
    }
}

impl From<Exceeded> for Wrong {
    fn from(limit: Exceeded) -> Self {
        Self::Limit(limit)
    }
}
