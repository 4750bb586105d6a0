//! pause for every architecture, sidecars and the tests' app for those that have `std`: the files, and what they do
//! under qemu-user.
//! `make test-architectures` builds the ones and fetches the other.

mod adapter_proxy;
mod app;
mod archive;
mod behaviour;
mod file;
mod log_shipper;
mod war_copy;

use e2e::elf::Identity;
use e2e::launch::Launch;
use object::elf;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

struct Architecture {
    /// As OCI images name it
    name: &'static str,
    /// As qemu names it
    emulator: &'static str,
    identity: Identity,
}

impl Architecture {
    fn program(&self) -> PathBuf {
        existing(e2e::workspace(&format!("dist/bin/{}/pause", self.name)))
    }

    /// Under qemu, whose process is the kernel's view of pause: it passes on what pause asks the kernel.
    fn launch(&self) -> Launch {
        Launch::new(&emulator(self.emulator)).arg(self.program().as_os_str().as_bytes())
    }
}

/// qemu-user for an architecture, by qemu's name of it.
fn emulator(architecture: &str) -> PathBuf {
    existing(e2e::workspace(&format!("target/emulators/usr/bin/qemu-{architecture}-static")))
}

fn existing(file: PathBuf) -> PathBuf {
    assert!(file.exists(), "{} is missing: run `make test-architectures`", file.display());
    file
}

/// A module of tests for each architecture.
macro_rules! architectures {
    ($($name:ident: $emulator:literal, $class:ident, $data:ident, $machine:ident;)*) => {
        const ARCHITECTURES: &[&str] = &[$(stringify!($name)),*];

        $(mod $name {
            use crate::{Architecture, behaviour, elf, file};
            use e2e::elf::Identity;

            const ARCHITECTURE: Architecture = Architecture {
                name: stringify!($name),
                emulator: $emulator,
                identity: Identity { class: elf::$class, data: elf::$data, machine: elf::$machine },
            };

            #[test]
            fn the_file_is_small_safe_and_for_it() {
                file::is_small_safe_and_for(&ARCHITECTURE);
            }

            #[test]
            fn version_is_printed() {
                behaviour::version_is_printed(&ARCHITECTURE);
            }

            #[test]
            fn other_arguments_are_ignored() {
                behaviour::other_arguments_are_ignored(&ARCHITECTURE);
            }

            #[test]
            fn it_says_that_it_is_not_pid_1() {
                behaviour::it_says_that_it_is_not_pid_1(&ARCHITECTURE);
            }

            #[test]
            fn signals_end_it() {
                behaviour::signals_end_it(&ARCHITECTURE);
            }

            #[test]
            fn an_interrupted_wait_goes_on() {
                behaviour::an_interrupted_wait_goes_on(&ARCHITECTURE);
            }

            #[test]
            fn orphans_are_reaped() {
                behaviour::orphans_are_reaped(&ARCHITECTURE);
            }
        })*
    };
}

architectures! {
    amd64: "x86_64", ELFCLASS64, ELFDATA2LSB, EM_X86_64;
    arm: "arm", ELFCLASS32, ELFDATA2LSB, EM_ARM;
    arm64: "aarch64", ELFCLASS64, ELFDATA2LSB, EM_AARCH64;
    ppc64le: "ppc64le", ELFCLASS64, ELFDATA2LSB, EM_PPC64;
    riscv64: "riscv64", ELFCLASS64, ELFDATA2LSB, EM_RISCV;
    s390x: "s390x", ELFCLASS64, ELFDATA2MSB, EM_S390;
}
