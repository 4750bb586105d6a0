//! Fewer bytes on the network, for as little work as that takes: logs repeat themselves, so the quickest levels do.

use crate::config::Compress as Method;
use flate2::{Compress, Compression, FlushCompress, Status};
use std::sync::{Mutex, PoisonError};
use zstd_safe::{CCtx, CParameter};

/// Bytes that zstd looks back at (2^17). Its memory is a few times that.
const WINDOW: u32 = 17;

/// Makes bodies smaller, one at a time, in memory that is kept.
pub struct Compressor {
    method: Mutex<Tool>,
    spare: Mutex<Vec<Vec<u8>>>,
    /// For the header `Content-Encoding`
    pub encoding: &'static str,
}

enum Tool {
    Gzip(Box<Compress>),
    Zstd(CCtx<'static>),
}

impl Compressor {
    /// Nothing if bodies go as they are.
    pub fn new(method: Method) -> Option<Self> {
        let (tool, encoding) = match method {
            Method::None => return None,
            Method::Gzip => (Tool::Gzip(Box::new(Compress::new_gzip(Compression::fast(), 15))), "gzip"),
            Method::Zstd => (Tool::Zstd(zstd()), "zstd"),
        };
        Some(Self { method: Mutex::new(tool), spare: Mutex::default(), encoding })
    }

    /// To be given back when it has been sent.
    pub fn compressed(&self, plain: &[u8]) -> Vec<u8> {
        let mut out = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        out.clear();
        // Never more than zstd's bound, and gzip's is below it for all but tiny bodies.
        out.reserve(zstd_safe::compress_bound(plain.len()) + 64);
        match &mut *self.method.lock().unwrap_or_else(PoisonError::into_inner) {
            Tool::Gzip(compress) => gzip(compress, plain, &mut out),
            Tool::Zstd(context) => {
                // It fails for want of memory only, which ends a program anyway.
                context.compress2(&mut out, plain).expect("the bound is enough");
            }
        }
        out
    }

    pub fn give_back(&self, out: Vec<u8>) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(out);
    }
}

fn zstd() -> CCtx<'static> {
    let mut context = CCtx::create();
    for parameter in [CParameter::CompressionLevel(1), CParameter::WindowLog(WINDOW)] {
        context.set_parameter(parameter).expect("within the limits of every version");
    }
    context
}

fn gzip(compress: &mut Compress, plain: &[u8], out: &mut Vec<u8>) {
    compress.reset();
    loop {
        let done = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let status = compress.compress_vec(plain.get(done..).unwrap_or_default(), out, FlushCompress::Finish);
        match status {
            Ok(Status::StreamEnd) => return,
            // There was no room for the end.
            _ => out.reserve(out.len().max(1 << 10)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Compressor, Tool};
    use crate::config::Compress as Method;
    use flate2::read::GzDecoder;
    use std::io::Read;

    fn decoded(method: Method, bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::with_capacity(4 << 20);
        match method {
            Method::Gzip => _ = GzDecoder::new(bytes).read_to_end(&mut plain).unwrap(),
            _ => _ = zstd_safe::decompress(&mut plain, bytes).unwrap(),
        }
        plain
    }

    #[test]
    fn bodies_of_all_sizes_one_after_the_other() {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        let random: Vec<u8> = (0..3 << 20).map(|_| noise()).collect();
        let lines = "{\"create\":{}}\n{\"message\":\"a line\"}\n".repeat(50_000).into_bytes();
        for method in [Method::Gzip, Method::Zstd] {
            let compressor = Compressor::new(method).unwrap();
            for body in [&b""[..], b"x", &lines, &random, &lines[..100], &lines] {
                let out = compressor.compressed(body);
                assert!(decoded(method, &out) == body, "{} bytes by {}", body.len(), compressor.encoding);
                compressor.give_back(out);
            }
            assert!(compressor.compressed(&lines).len() < lines.len() / 10);
            if let Tool::Zstd(context) = &*compressor.method.lock().unwrap() {
                assert!(context.sizeof() < 1 << 20, "{} bytes", context.sizeof());
            }
        }
    }
}
