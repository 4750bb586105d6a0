//! SHA-256, and the files that say what it should be: `SHA256SUMS` and `*.sha256`, as sha256sum writes and reads them.

use sha2::Digest as _;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A SHA-256 digest, shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest([u8; 32]);

/// Takes bytes and makes their digest, with the CPU's instructions for that where it has them.
#[derive(Default)]
pub struct Hasher(sha2::Sha256);

impl Hasher {
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes since the last one.
    pub fn finish(&mut self) -> Digest {
        Digest(self.0.finalize_reset().into())
    }
}

impl Digest {
    /// From 64 hexadecimal digits, or none.
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()?;
        }
        Some(Self(bytes))
    }
}

impl Display for Digest {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A line that sha256sum can check. A name with a newline or a backslash in it is escaped, which a backslash at the
/// beginning of the line tells.
pub fn sums_line(digest: &Digest, path: &Path) -> Vec<u8> {
    let name = path.as_os_str().as_bytes();
    let escaped: Vec<u8> = name
        .iter()
        .flat_map(|byte| match byte {
            b'\\' => b"\\\\".to_vec(),
            b'\n' => b"\\n".to_vec(),
            b'\r' => b"\\r".to_vec(),
            byte => vec![*byte],
        })
        .collect();
    let mark = if escaped == name { "" } else { "\\" };
    [format!("{mark}{digest}  ").as_bytes(), &escaped, b"\n"].concat()
}

/// The digests and names in a file of `HEX  NAME` lines, where `HEX *NAME` is the same; empty lines and lines that
/// begin with `#` are nothing. A file that has one digest and no name is about `alone`.
///
/// # Errors
/// The number of the first line that is no such line, from 1.
pub fn sums<'a>(text: &'a [u8], alone: Option<&'a OsStr>) -> Result<Vec<(Digest, Cow<'a, Path>)>, usize> {
    let mut sums = vec![];
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        sums.push(sum(line, alone).ok_or(number + 1)?);
    }
    Ok(sums)
}

fn sum<'a>(line: &'a [u8], alone: Option<&'a OsStr>) -> Option<(Digest, Cow<'a, Path>)> {
    let (escaped, line) = line.strip_prefix(b"\\").map_or((false, line), |line| (true, line));
    let (hex, name) = line.split_at_checked(64)?;
    let digest = Digest::from_hex(hex)?;
    if let (b"", Some(alone)) = (name.trim_ascii(), alone) {
        return Some((digest, Path::new(alone).into()));
    }
    let name = name.strip_prefix(b"  ").or_else(|| name.strip_prefix(b" *"))?;
    let name = if escaped { Cow::Owned(unescape(name)?) } else { Cow::Borrowed(name) };
    let name = match name {
        Cow::Borrowed(name) => Cow::Borrowed(Path::new(OsStr::from_bytes(name))),
        Cow::Owned(name) => Cow::Owned(OsStr::from_bytes(&name).into()),
    };
    (!name.as_os_str().is_empty()).then_some((digest, name))
}

fn unescape(name: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = name.iter();
    let mut plain = vec![];
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            byte => *byte,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::{Digest, Hasher, sums, sums_line};
    use std::path::Path;

    /// FIPS 180-2, appendix B.1
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_standards_example() {
        let mut hasher = Hasher::default();
        for _ in 0..2 {
            hasher.update(b"a");
            hasher.update(b"bc");
            assert_eq!(hasher.finish().to_string(), ABC, "and again, once it was finished");
        }
        assert_eq!(Digest::from_hex(ABC.to_uppercase().as_bytes()).unwrap().to_string(), ABC);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let digest = Digest::from_hex(ABC.as_bytes()).unwrap();
        for name in ["sample.war", "a b", " a", "*a", "a\\b", "a\nb\r", "\\"] {
            let line = sums_line(&digest, Path::new(name));
            assert_eq!(line.split(|byte| *byte == b'\n').count(), 2, "one line");
            assert_eq!(sums(&line, None).unwrap(), [(digest, Path::new(name).into())], "{name}");
        }
    }

    #[test]
    fn files_as_people_have_them() {
        let digest = Digest::from_hex(ABC.as_bytes()).unwrap();
        let text = format!("# from the build\r\n\r\n{ABC} *a.war\r\n{ABC}  b.war");
        let expected = [(digest, Path::new("a.war").into()), (digest, Path::new("b.war").into())];
        assert_eq!(sums(text.as_bytes(), None).unwrap(), expected);
        let alone = format!("{ABC}\n");
        assert_eq!(sums(alone.as_bytes(), Some("c.war".as_ref())).unwrap(), [(digest, Path::new("c.war").into())]);
    }

    #[test]
    fn lines_that_are_none() {
        for wrong in [ABC, "12  a", &format!("{ABC}  "), &format!("{ABC} a"), &format!("\\{ABC}  a\\x"), "é  a"] {
            assert_eq!(sums(format!("\n{wrong}\n").as_bytes(), None), Err(2), "{wrong}");
        }
    }
}
