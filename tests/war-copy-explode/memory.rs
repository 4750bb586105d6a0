//! How much memory it takes, whatever the archive.

use crate::{Place, tool};
use e2e::launch::{Launch, pipe};
use nix::sys::ptrace;
use nix::sys::wait::{WaitStatus, waitpid};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The most it had at any time, in kB, from start to end.
fn peak(place: &Place) -> u64 {
    let (_messages, stderr) = pipe().unwrap();
    let program = e2e::program("war-copy");
    let mut launch = Launch::new(&program).arg("--explode").arg("--no-sync").redirected(2, stderr).traced();
    for path in [place.archive(), place.webapps()] {
        launch = launch.arg(path.as_os_str().as_bytes());
    }
    let process = launch.spawn().unwrap();
    let mut peak = None;
    // It stops once before its first instruction, and once when it is about to end and its memory still there.
    loop {
        match waitpid(process.pid, None).unwrap() {
            WaitStatus::PtraceEvent(..) => {
                peak = Some(process.status("VmHWM"));
                ptrace::cont(process.pid, None).unwrap();
            }
            WaitStatus::Stopped(..) if peak.is_none() => {
                ptrace::setoptions(process.pid, ptrace::Options::PTRACE_O_TRACEEXIT).unwrap();
                ptrace::cont(process.pid, None).unwrap();
            }
            WaitStatus::Exited(_, 0) => break peak.expect("it was seen to end"),
            ended => panic!("{ended:?}"),
        }
    }
}

#[test]
fn large_files() {
    let place = Place::new();
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()
    })
    .take(1 << 17)
    .flatten()
    .collect();
    for name in ["stored", "deflated"] {
        let mut file = File::create(place.path(name)).unwrap();
        for _ in 0..100 {
            file.write_all(&noise).unwrap();
        }
    }
    tool("zip", ["-q0", "sample.war", "stored"], place.root.path());
    tool("zip", ["-q1", "sample.war", "deflated"], place.root.path());
    assert!(fs::metadata(place.archive()).unwrap().len() > 200 << 20);
    let peak = peak(&place);
    println!("200 MB in two files: {peak} kB");
    assert!(peak <= 4096, "{peak} kB");
}

#[test]
fn many_files() {
    let place = Place::new();
    let mut writer = ZipWriter::new(File::create(place.archive()).unwrap());
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for number in 0..50_000 {
        writer.start_file(format!("{}/{number}.class", number % 1000), options).unwrap();
        writer.write_all(b"\xca\xfe\xba\xbe").unwrap();
    }
    writer.finish().unwrap();
    let peak = peak(&place);
    println!("50,000 files: {peak} kB");
    assert!(peak <= 8192, "{peak} kB");
}
