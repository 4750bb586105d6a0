//! JSON as RFC 8259 has it, and nothing else: what jaq reads and writes besides is refused.

mod read;
mod write;

pub use read::decode;
pub use write::encode;
