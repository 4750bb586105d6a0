//! log-shipper for arm64: it does there what it does here, also where it is C and assembly, which are other ones there.

use crate::{emulator, existing};
use e2e::elasticsearch::{Authority, Server};
use e2e::elf::{Identity, expect_safe_segments};
use e2e::launch::Launch;
use e2e::shipper::{Place, Shipper, expect_all, expect_order, lines, succeed, with};
use object::elf;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

fn program() -> PathBuf {
    existing(e2e::workspace("dist/bin/arm64/log-shipper"))
}

fn log_shipper() -> Launch {
    Launch::new(&emulator("aarch64"))
        .arg(program().as_os_str().as_bytes())
        .env("LOG_SHIPPER_ADMIN", "off")
        .env("RUST_BACKTRACE", "1")
}

#[test]
fn the_file_is_safe_and_for_it() {
    let arm64 = Identity { class: elf::ELFCLASS64, data: elf::ELFDATA2LSB, machine: elf::EM_AARCH64 };
    assert_eq!(expect_safe_segments(&fs::read(program()).unwrap()), arm64);
}

#[test]
fn it_follows_a_log_over_a_rotation_and_its_own_restart() {
    let (server, place) = (Server::start(), Place::new());
    let logs = place.log("*.log");
    let start = || Shipper::start(with(log_shipper(), &[&"--to", &server.url(), &"--state", &place.state, &logs]));
    place.append("a.log", lines(0..1000));
    let shipper = start();
    server.until_stored(1000);
    place.rename("a.log", "a.log.1");
    place.append("a.log", lines(1000..2000));
    server.until_stored(2000);
    shipper.finish();
    place.append("a.log", lines(2000..3000));
    let shipper = start();
    server.until_stored(3000);
    shipper.finish();
    expect_all(&server, 3000);
    expect_order(&server);
}

#[test]
fn it_compresses_and_encrypts() {
    let authority = Authority::new();
    for encoding in ["gzip", "zstd"] {
        let (server, place) = (Server::start_tls(&authority), Place::new());
        fs::write(place.file("ca.pem"), authority.pem()).unwrap();
        place.append("a.log", lines(0..20_000));
        let config = place.configure(&format!(
            "inputs: [{{files: [LOGS/*.log]}}]\noutput:\n  elasticsearch:\n    urls: ['{}']\n    \
             compress: {encoding}\n    tls: {{verify: ca, ca-file: HOME/ca.pem}}\n",
            server.url()
        ));
        succeed(with(log_shipper(), &[&"--once", &"--config", &config, &"--state", &place.state]));
        expect_all(&server, 20_000);
        expect_order(&server);
        let (sent, plain) = server.with(|state| {
            state.requests.iter().fold((0, 0), |sum, request| (sum.0 + request.length.0, sum.1 + request.length.1))
        });
        assert!(sent * 4 <= plain, "{encoding}: {sent} of {plain} bytes");
    }
}
