//! Percent-encoding (RFC 3986, 2.1).

use std::borrow::Cow;

/// What may stand in a segment of a path as it is (RFC 3986, 3.3).
pub fn is_in_segment(byte: u8) -> bool {
    is_unreserved(byte) || b"!$&'()*+,;=:@".contains(&byte)
}

/// The same, but for what begins parameters of the segment, to some servers: what is put in is to be all of its name.
pub fn is_in_name(byte: u8) -> bool {
    byte != b';' && is_in_segment(byte)
}

/// What means the same everywhere (RFC 3986, 2.3).
pub fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Appends `text`; what `may_stand` does not take is encoded.
pub fn encode(text: &[u8], may_stand: fn(u8) -> bool, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        if may_stand(byte) {
            out.push(byte);
        } else {
            out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

/// The bytes that `text` stands for. A `%` without two digits after it is an error.
pub fn bytes(text: &str) -> impl Iterator<Item = Result<u8, ()>> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (&first, behind) = rest.split_first()?;
        rest = behind;
        if first != b'%' {
            return Some(Ok(first));
        }
        let Some((&[high, low], behind)) = rest.split_first_chunk() else { return Some(Err(())) };
        rest = behind;
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        Some(digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low).ok_or(()))
    })
}

/// What `text` stands for; `None` when that is no UTF-8, or is encoded wrongly.
pub fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(text.into());
    }
    let bytes = bytes(text).collect::<Result<_, _>>().ok()?;
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// A name or a value of a query, where `+` is a space. What is encoded wrongly stands for itself.
pub fn decode_form(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(['%', '+']) {
        return text.as_bytes().into();
    }
    let spaced = text.replace('+', " ");
    let decoded = bytes(&spaced).collect::<Result<Vec<_>, _>>();
    decoded.unwrap_or_else(|()| spaced.into_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_form, encode, is_in_segment, is_unreserved};

    #[test]
    fn there_and_back() {
        let (text, mut path, mut query) = ("a b/%ü&=+", vec![], vec![]);
        encode(text.as_bytes(), is_in_segment, &mut path);
        encode(text.as_bytes(), is_unreserved, &mut query);
        assert_eq!(path, b"a%20b%2F%25%C3%BC&=+");
        assert_eq!(query, b"a%20b%2F%25%C3%BC%26%3D%2B");
        assert_eq!(decode(std::str::from_utf8(&path).unwrap()).unwrap(), text);
        assert_eq!(&*decode_form(std::str::from_utf8(&query).unwrap()), text.as_bytes());
    }

    #[test]
    fn what_is_encoded_wrongly() {
        for text in ["%", "%4", "%4g", "a%", "%ff", "%+1"] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(&*decode_form("100%+x"), b"100% x");
        assert_eq!(&*decode_form("%ff"), b"\xff");
        assert_eq!(&*decode_form("a+b%2b"), b"a b+");
    }
}
