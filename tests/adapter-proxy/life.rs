//! From its start to its end.

use e2e::proxy;
use e2e::sidecar::{Sidecar, free_port, refuse};

#[test]
fn nothing_to_do() {
    refuse(proxy::launch(&[]), 2, &["nothing to listen on", "hint: give --listen and --to"]);
}

#[test]
fn it_ends_when_it_is_asked_to() {
    let listen = free_port().to_string();
    let proxy = Sidecar::start(proxy::launch(&[&"--listen", &listen, &"--to", &"127.0.0.1:1"]));
    proxy.until_said("listening on");
    proxy.finish();
}
