//! Encodings of bodies and of addresses.

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::io::{Read, Write};
use zstd_safe::{DCtx, InBuffer, OutBuffer};

pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes all")
}

/// What is in `raw`, or a bit more than `most` bytes of it.
pub fn gunzip(raw: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let mut body = vec![];
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    GzDecoder::new(raw).take(limit).read_to_end(&mut body).map_err(|error| error.to_string())?;
    Ok(body)
}

/// What is in `raw`, or a bit more than `most` bytes of it.
pub fn unzstd(raw: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let (mut context, mut input, mut body) = (DCtx::create(), InBuffer::around(raw), vec![]);
    loop {
        let mut piece = Vec::with_capacity(128 << 10);
        let mut output = OutBuffer::around(&mut piece);
        let left = context.decompress_stream(&mut output, &mut input).map_err(zstd_safe::get_error_name)?;
        body.extend(&piece);
        if body.len() > most || (left == 0 && input.pos == raw.len()) {
            return Ok(body);
        }
        if piece.is_empty() && input.pos == raw.len() {
            return Err("it ends too early".into());
        }
    }
}

/// Percent-decoding.
pub fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (vec![], text.as_bytes());
    while let [first, others @ ..] = rest {
        let pair = others.get(..2).and_then(|pair| str::from_utf8(pair).ok());
        let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| *first == b'%');
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &others[2..] } else { others };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
