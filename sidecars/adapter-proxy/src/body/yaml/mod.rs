//! YAML 1.2 with its core schema (<https://yaml.org/spec/1.2.2/#103-core-schema>), of which JSON is a part: one document.

mod read;
mod schema;
mod write;

pub use read::decode;
pub use write::encode;
