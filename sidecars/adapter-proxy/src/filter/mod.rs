//! Filters of bodies.

mod program;

pub use program::{Program, Wrong};
