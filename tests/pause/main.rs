//! pause from outside: the built program, started in every way a runtime might.

mod file;
mod hostile;
mod memory;
mod reaping;
mod set_up;
mod signals;
mod streams;
mod trace;
mod version;

use e2e::launch::Launch;
use e2e::pause::{NOT_PID_1, WAIT, expect_end, read_to_end, waiting};

fn launch() -> Launch {
    Launch::new(&e2e::program("pause"))
}
