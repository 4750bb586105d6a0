//! XML as values, by the conventions of Python's `xmltodict` and of `xq`: an element is the object of its attributes
//! (`@name`), its elements (an array where a name comes again) and its text (`#text`); one with nothing but text is that
//! text, and an empty one is null. Prefixes of namespaces are part of a name. White space around text is dropped, as
//! comments and processing instructions are.

mod characters;
mod read;
mod write;

pub use read::decode;
pub use write::encode;

/// What attributes begin with.
const ATTRIBUTE: char = '@';
/// Where the text is of an element that has more than text.
const TEXT: &str = "#text";
