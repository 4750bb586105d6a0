//! YAML, event by event, for readers of what is no file of configuration. The parser is large, and is made for size here:
//! whoever names its type has one more of it.

use granit_parser::{Event, Parser, ScanError, Span};

pub type Events<'a> = Box<dyn Iterator<Item = Result<(Event<'a>, Span), ScanError>> + 'a>;

/// Of `text`, which is refused when it nests deeper than so many levels.
pub fn events(text: &str, levels: usize) -> Events<'_> {
    let options = granit_parser::options! { flow_nesting_limit: levels, block_nesting_limit: levels };
    Box::new(Parser::new_from_str_with_options(text, options))
}
