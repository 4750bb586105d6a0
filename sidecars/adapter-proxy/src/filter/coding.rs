//! Bodies that were packed for the way.

use super::frame::Coding;
use crate::body::Unfit;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use std::borrow::Cow;
use std::io::Read;

impl Coding {
    /// That of a `Content-Encoding`; `None` when it is one that is not known here.
    pub fn of(field: &[u8]) -> Option<Self> {
        let known = [
            ("identity", Self::Identity),
            ("", Self::Identity),
            ("gzip", Self::Gzip),
            ("x-gzip", Self::Gzip),
            ("deflate", Self::Deflate),
        ];
        let text = field.trim_ascii();
        known.iter().find(|(name, _)| text.eq_ignore_ascii_case(name.as_bytes())).map(|(_, coding)| *coding)
    }

    /// The bytes as they were, at most `most` of them: a few may stand for very many.
    ///
    /// # Errors
    /// When there are more, or they are not what they should be.
    pub fn unpack(self, body: &[u8], most: usize) -> Result<Cow<'_, [u8]>, Unfit> {
        let mut out = vec![];
        let limit = most as u64 + 1;
        let read = match self {
            Self::Identity => return Ok(body.into()),
            Self::Gzip => MultiGzDecoder::new(body).take(limit).read_to_end(&mut out),
            Self::Deflate => ZlibDecoder::new(body).take(limit).read_to_end(&mut out),
        };
        match read {
            Err(error) => Err(Unfit::new(format!("it cannot be unpacked: {error}"))),
            Ok(_) if out.len() > most => Err(Unfit::new(format!("unpacked, it has more than {most} bytes"))),
            Ok(_) => Ok(out.into()),
        }
    }
}
