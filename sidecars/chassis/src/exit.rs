//! Exit codes: 0 done, 1 it failed or left something undone, 2 usage or configuration.

use crate::message;
use anyhow::Result;
use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::process::ExitCode;

/// One can be sure that nothing has been done, and that trying again will not help.
pub(crate) const USAGE: u8 = 2;

/// An error of usage or configuration: anywhere in a chain, it makes the exit code 2.
#[derive(Debug)]
pub struct Usage(pub String);

impl Display for Usage {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Usage {}

/// The end of `main`: says what went wrong, if anything did.
pub fn code(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            message::error(&error);
            let usage = error.chain().any(<dyn Error>::is::<Usage>);
            if usage { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}
