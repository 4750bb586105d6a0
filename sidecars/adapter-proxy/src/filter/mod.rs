//! Bodies and filters. What they do is done in worker processes, which can be killed: a filter can neither be interrupted
//! nor bounded in memory from within.

mod coding;
mod direct;
mod frame;
mod interpreted;
mod natives;
mod process;
mod program;
pub mod stream;
mod tasks;
mod transform;
pub mod variables;
pub mod worker;
mod workers;

pub use frame::{Coding, Job, Made};
pub use process::ARGUMENT;
pub use program::{Program, Wrong};
pub use stream::Stream;
pub use tasks::{OPENMETRICS, Tasks, bodies, first_page, is_used};
pub use transform::Transform;
pub use workers::{Counters, Failure, Workers};
