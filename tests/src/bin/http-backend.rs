//! An upstream that can be killed.

use clap::Parser;
use e2e::proxy::upstream::{self, Args};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

fn main() -> std::io::Result<()> {
    upstream::run(&Command::parse().args)
}
