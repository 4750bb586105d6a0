//! adapter-proxy for arm64: bytes and requests go through it as they do here.

use crate::{emulator, existing};
use e2e::elf::{Identity, expect_safe_segments};
use e2e::launch::Launch;
use e2e::proxy::http::{Backend, Client};
use e2e::sidecar::{Sidecar, free_port, with};
use object::elf;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

fn program() -> PathBuf {
    existing(e2e::workspace("dist/bin/arm64/adapter-proxy"))
}

/// One for this endpoint, and where it listens.
fn adapter_proxy(endpoint: SocketAddr, protocol: &str) -> (Sidecar, SocketAddr) {
    let listen = free_port();
    let launch = Launch::new(&emulator("aarch64"))
        .arg(program().as_os_str().as_bytes())
        .env("ADAPTER_PROXY_ADMIN", "off")
        .env("RUST_BACKTRACE", "1");
    let (to, listen_at) = (endpoint.to_string(), listen.to_string());
    let proxy = Sidecar::start(with(launch, &[&"--listen", &listen_at, &"--to", &to, &"--protocol", &protocol]));
    proxy.until_said("listening on");
    (proxy, listen)
}

#[test]
fn the_file_is_safe_and_for_it() {
    let arm64 = Identity { class: elf::ELFCLASS64, data: elf::ELFDATA2LSB, machine: elf::EM_AARCH64 };
    assert_eq!(expect_safe_segments(&fs::read(program()).unwrap()), arm64);
}

#[test]
fn requests_and_bytes_go_through() {
    // More than is read at a time: the second half of it is spliced, where there is no HTTP.
    static ANSWER: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let body = "0123456789abcdef".repeat(1 << 18);
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    });
    let backend = Backend::answering(&ANSWER);
    for protocol in ["http", "tcp"] {
        let (proxy, address) = adapter_proxy(backend.address, protocol);
        let mut client = Client::to(address);
        for _ in 0..3 {
            let answer = client.get("/");
            assert_eq!((answer.status, answer.body.len()), (200, 4 << 20));
            assert!(ANSWER.ends_with(&answer.body), "{protocol}");
        }
        drop(client);
        proxy.finish();
    }
}
