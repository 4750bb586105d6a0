//! What the project's Makefile asks of cargo: programs, images and their sizes, in `dist/`.

#![forbid(unsafe_code)]

mod archive;
mod build;
mod elf;
mod image;
mod platform;
mod program;
mod sizes;

use anyhow::Result;
use clap::{Parser, Subcommand};
use platform::Platform;
use program::Program;
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds pause-kit's programs and images")]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build the static programs: DIST/bin/ARCHITECTURE/PROGRAM
    Build(Selection),
    /// Build the programs and their images: DIST/images/PROGRAM.tar, with a table of sizes
    Images {
        #[command(flatten)]
        selection: Selection,
        /// What stands before `/PROGRAM:VERSION` in an image's name
        #[arg(long, default_value = "localhost")]
        registry: String,
    },
}

#[derive(clap::Args)]
struct Selection {
    /// Which programs [default: pause and all sidecars]
    programs: Vec<String>,
    /// Where to put what is built
    #[arg(long, default_value = "dist")]
    dist: PathBuf,
}

fn main() -> Result<()> {
    // Cargo tells where xtask stands; every path below is relative to the workspace.
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))?;
    let platform = Platform::host()?;
    match Args::parse().verb {
        Verb::Build(Selection { programs, dist }) => {
            for program in Program::select(&programs)? {
                let path = build::build(&program, platform, &dist)?;
                println!("{}", path.display());
            }
        }
        Verb::Images { selection: Selection { programs, dist }, registry } => {
            let mut sizes = sizes::Sizes::default();
            for program in Program::select(&programs)? {
                let elf = std::fs::read(build::build(&program, platform, &dist)?)?;
                let image = image::Image::new(&program, platform, &elf)?;
                archive::write(&dist, &registry, &program, platform, &image)?;
                sizes.add(&program, platform, elf.len(), &image);
            }
            sizes.write(&dist.join("images/sizes.json"))?;
            print!("{sizes}");
        }
    }
    Ok(())
}
