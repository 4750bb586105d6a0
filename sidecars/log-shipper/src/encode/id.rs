//! The names of documents: where they are from, so that what is sent again after a crash is stored once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Of the state directory and the generation
pub const PREFIX: usize = 16;
/// Of the offset and the length
pub const PLACE: usize = 12;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What the names of all documents begin with that one content of one file becomes.
pub fn prefix(uuid: [u8; 16], generation: u64) -> [u8; PREFIX] {
    let digest = Sha256::new().chain_update(uuid).chain_update(generation.to_be_bytes()).finalize();
    let mut prefix = [b'A'; PREFIX];
    // 12 bytes are 16 characters, always.
    let _ = URL_SAFE_NO_PAD.encode_slice(&digest[..12], &mut prefix);
    prefix
}

/// What they end with: base64url of 6 bytes of the offset and 3 of the length.
#[inline]
pub fn place(offset: u64, length: u32) -> [u8; PLACE] {
    let mut place = [0; PLACE];
    for (characters, bits) in place.chunks_exact_mut(4).zip([offset >> 24, offset, u64::from(length)]) {
        for (character, shift) in characters.iter_mut().zip([18, 12, 6, 0]) {
            *character = ALPHABET[((bits >> shift) & 63) as usize];
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::{place, prefix};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    #[test]
    fn as_it_is_documented() {
        for (offset, length) in [(0, 0), (195, 0), (0x0102_0304_0506, 0x07_0809), (u64::MAX, u32::MAX), (1 << 24, 1)] {
            let bytes = [&offset.to_be_bytes()[2..], &length.to_be_bytes()[1..]].concat();
            assert_eq!(str::from_utf8(&place(offset, length)).unwrap(), URL_SAFE_NO_PAD.encode(bytes));
        }
    }

    #[test]
    fn another_state_or_generation_is_another_prefix() {
        // SHA-256 of 24 zeroes begins with 9d908ecfb6b256def8b49a7c.
        assert_eq!(&prefix([0; 16], 0), b"nZCOz7ayVt74tJp8");
        assert_ne!(prefix([0; 16], 1), prefix([0; 16], 0));
        assert_ne!(prefix([1; 16], 0), prefix([0; 16], 0));
    }
}
