//! Text as a JSON string, at the speed of memory: 16 bytes at a time, and what follows a byte that has to be escaped is
//! moved as a whole.

use wide::u8x16;

/// So many bytes at once
const PIECE: usize = 512;
/// Each of them may become six, and what is written last is a whole block.
const ROOM: usize = 6 * PIECE + 32;

/// Escapes text, and says whether it was as it should be.
pub struct Escape {
    scratch: Box<[u8; ROOM]>,
}

impl Default for Escape {
    fn default() -> Self {
        Self { scratch: Box::new([0; ROOM]) }
    }
}

impl Escape {
    /// Appends what stands for `text` between the quotes of a string. Each sequence that is no UTF-8 becomes U+FFFD;
    /// returns whether there was none.
    #[inline]
    pub fn append(&mut self, out: &mut Vec<u8>, text: &[u8]) -> bool {
        let before = out.len();
        if self.bytes(out, text) || str::from_utf8(text).is_ok() {
            return true;
        }
        out.truncate(before);
        for chunk in text.utf8_chunks() {
            self.bytes(out, chunk.valid().as_bytes());
            if !chunk.invalid().is_empty() {
                out.extend_from_slice("\u{FFFD}".as_bytes());
            }
        }
        false
    }

    /// Appends a whole string, in quotes.
    pub fn string(&mut self, out: &mut Vec<u8>, text: &[u8]) {
        out.push(b'"');
        self.append(out, text);
        out.push(b'"');
    }

    /// Escapes what has to be, and leaves alone what may be no UTF-8. Returns whether all of it was ASCII.
    #[inline]
    fn bytes(&mut self, out: &mut Vec<u8>, text: &[u8]) -> bool {
        let mut high = 0;
        for piece in text.chunks(PIECE) {
            let (length, others) = self.piece(piece);
            out.extend_from_slice(&self.scratch[..length]);
            high |= others;
        }
        high == 0
    }

    /// Escapes into `scratch`; how many bytes that are, and a bit for each place of a block where one was not ASCII.
    #[inline]
    fn piece(&mut self, piece: &[u8]) -> (usize, u32) {
        let (blocks, rest) = piece.as_chunks::<16>();
        let (mut to, mut high) = (0, 0);
        for block in blocks {
            to += self.block(to, *block, 16, &mut high);
        }
        if !rest.is_empty() {
            // Without its first bytes, the last block is the rest and zeroes, which are taken for spaces.
            let block = if let Some(last) = piece.last_chunk::<16>() {
                (u128::from_le_bytes(*last) >> (8 * (16 - rest.len()))).to_le_bytes()
            } else {
                let mut block = [b' '; 16];
                block[..rest.len()].copy_from_slice(rest);
                block
            };
            to += self.block(to, block, rest.len(), &mut high);
        }
        (to, high)
    }

    /// Escapes the first `length` bytes of a block, and returns how many they have become.
    #[inline]
    fn block(&mut self, start: usize, block: [u8; 16], length: usize, high: &mut u32) -> usize {
        let bytes = u8x16::new(block);
        *high |= bytes.to_bitmask();
        let mut special = special(bytes) & ((1 << length) - 1);
        self.put(start, block);
        if special == 0 {
            return length;
        }
        let value = u128::from_le_bytes(block);
        let (mut to, mut done) = (start, 0);
        while special != 0 {
            let at = special.trailing_zeros() as usize;
            special &= special - 1;
            to += at - done;
            done = at + 1;
            let byte = block[at & 15];
            if byte >= b' ' {
                self.put(to, [b'\\', byte]);
                to += 2;
            } else {
                let (escape, length) = control(byte);
                self.put(to, escape);
                to += length;
            }
            if done < 16 {
                self.put(to, (value >> (8 * done)).to_le_bytes());
            }
        }
        to + length - done - start
    }

    /// There is always room.
    #[inline]
    fn put<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        if let Some(place) = self.scratch.get_mut(at..at + N) {
            place.copy_from_slice(&bytes);
        }
    }
}

/// A bit for each byte that cannot stand in a string as it is.
#[inline]
pub fn special(bytes: u8x16) -> u32 {
    let control = bytes.min(u8x16::splat(0x1F)).simd_eq(bytes);
    (bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\')) | control).to_bitmask()
}

/// What stands for a control character, and how long it is.
#[cold]
fn control(byte: u8) -> ([u8; 6], usize) {
    let short = match byte {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0C => b'f',
        _ => {
            let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
            return ([b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)], 6);
        }
    };
    ([b'\\', short, 0, 0, 0, 0], 2)
}

#[cfg(test)]
mod tests {
    use super::{Escape, PIECE};
    use proptest::prelude::*;

    fn escaped(text: &[u8]) -> (String, bool) {
        let mut out = b"kept".to_vec();
        let valid = Escape::default().append(&mut out, text);
        (String::from_utf8(out).unwrap()[4..].to_owned(), valid)
    }

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=255 {
            for length in 1..40 {
                for at in 0..length {
                    let mut text = vec![b'x'; length];
                    text[at] = byte;
                    let (escaped, valid) = escaped(&text);
                    let read: String = serde_json::from_str(&format!("\"{escaped}\"")).unwrap();
                    assert_eq!(read, String::from_utf8_lossy(&text), "{byte:#x} at {at} of {length}");
                    assert_eq!(valid, byte < 0x80);
                }
            }
        }
    }

    #[test]
    fn as_serde_does() {
        let text: String = (0..=0x10_FFFF).filter_map(char::from_u32).step_by(7).collect();
        assert_eq!(format!("\"{}\"", escaped(text.as_bytes()).0), serde_json::to_string(&text).unwrap());
        let controls = "\u{1}".repeat(3 * PIECE + 5);
        assert_eq!(format!("\"{}\"", escaped(controls.as_bytes()).0), serde_json::to_string(&controls).unwrap());
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind(text in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b'e')], 0..1200)) {
            let (escaped, valid) = escaped(&text);
            let expected = String::from_utf8_lossy(&text);
            prop_assert_eq!(format!("\"{escaped}\""), serde_json::to_string(&expected).unwrap());
            prop_assert_eq!(valid, str::from_utf8(&text).is_ok());
        }
    }
}
