//! Pages of metrics that are made of what an app tells of itself.

pub mod accept;
mod families;
mod fetch;
mod fetched;
mod filters;
mod histogram;
mod metric;
mod page;
pub mod presets;
mod source;
mod text;
mod timestamp;

pub use fetch::Fetcher;
pub use fetched::{Body, Fetched};
pub use page::{OPENMETRICS, OWN, Page, TEXT, check};
