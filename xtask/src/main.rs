//! What the project's Makefile asks of cargo: programs, images and their sizes, in `dist/`.

#![forbid(unsafe_code)]

mod archive;
mod build;
mod command;
mod cross;
mod debian;
mod elf;
mod glibc;
mod image;
mod origin;
mod papers;
mod platform;
mod program;
mod sbom;
mod sizes;
mod verify;

use anyhow::Result;
use clap::{Parser, Subcommand};
use cross::Compiler;
use glibc::Glibc;
use origin::Origin;
use platform::PLATFORMS;
use program::Program;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "Builds pause-kit's programs and images")]
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
        #[arg(long, value_name = "NAME", default_value = "localhost")]
        registry: String,
        /// Where the sources are, for the index to tell [default: the repository that Cargo.toml names]
        #[arg(long, value_name = "URL")]
        source: Option<String>,
    },
    /// Build images for every architecture twice, as two strangers would, and compare every file
    Verify {
        /// Which programs [default: pause and all sidecars]
        programs: Vec<String>,
    },
    /// Prepare a compiler for every architecture and its C library: what is missing is Debian's, in target/cross
    Cross,
    /// Unpack Debian packages into a directory, install nothing, and print their versions
    Unpack {
        /// Of this suite of Debian's, such as `trixie`, without what they need [default: this machine's own]
        #[arg(long)]
        suite: Option<String>,
        /// Their names, with the architecture where it is another one: `libc6:arm64`
        #[arg(required = true)]
        packages: Vec<String>,
        /// Where to; what is there already stays
        directory: PathBuf,
    },
}

#[derive(clap::Args)]
struct Selection {
    /// Which programs [default: pause and all sidecars]
    programs: Vec<String>,
    /// Where to put what is built
    #[arg(long, value_name = "DIR", default_value = "dist")]
    dist: PathBuf,
    /// For every architecture a program can be built for, and not only for this machine's
    #[arg(long)]
    all_architectures: bool,
}

fn main() -> ExitCode {
    match run(Args::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    // Cargo tells where xtask stands; every path below is relative to the workspace.
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))?;
    match verb {
        Verb::Build(Selection { programs, dist, all_architectures }) => {
            for program in Program::select(&programs)? {
                for platform in program.platforms(all_architectures)? {
                    println!("{}", build::build(&program, platform, &dist)?.display());
                }
            }
        }
        Verb::Images { selection: Selection { programs, dist, all_architectures }, registry, source } => {
            let origin = Origin::new(source)?;
            let mut sizes = sizes::Sizes::default();
            let mut built = vec![];
            for program in Program::select(&programs)? {
                let mut images = vec![];
                for platform in program.platforms(all_architectures)? {
                    let elf = std::fs::read(build::build(&program, platform, &dist)?)?;
                    let image = image::Image::new(&program, platform, &elf)?;
                    sizes.add(&program, platform, elf.len(), &image);
                    if let Some(other) = program.with_all_of_chassis()
                        && !all_architectures
                    {
                        let with_all = std::fs::read(build::build(&other, platform, Path::new("target/with-all"))?)?;
                        sizes.compare(&program, platform, elf.len(), with_all.len());
                    }
                    images.push((platform, image));
                }
                archive::write(&dist, &registry, &origin, &program, &images)?;
                let platforms = program.platforms(all_architectures)?;
                sbom::write(&dist, &program, &platforms)?;
                built.extend(platforms.into_iter().map(|platform| (program.clone(), platform)));
            }
            sizes.write(&dist.join("images/sizes.json"))?;
            papers::write(&dist, &built)?;
            print!("{sizes}");
        }
        Verb::Verify { programs } => verify::verify(&programs)?,
        Verb::Cross => {
            for platform in &PLATFORMS {
                println!("{:<8} {}", platform.architecture, Compiler::of(platform)?);
                if platform.has_std() {
                    println!("{:<8} {}", "", Glibc::of(platform)?.toolchain()?.replace('\n', ", "));
                }
            }
        }
        Verb::Unpack { suite, packages, directory } => {
            debian::unpack(&packages, suite.as_deref(), &directory)?;
            for package in packages {
                println!("{package} {}", debian::version(&package, &directory)?);
            }
        }
    }
    Ok(())
}
