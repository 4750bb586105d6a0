//! WebSocket with a server and a client that others wrote.

use crate::real::said;
use e2e::proxy::http::Proxy;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Debian's, which has Debian's modules.
const PYTHON: &str = "/usr/bin/python3";

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn script() -> Command {
    let mut command = Command::new(PYTHON);
    command.arg(e2e::workspace("tests/adapter-proxy/http/websocket.py"));
    command
}

#[test]
fn both_sides_talk_and_the_close_comes_through() {
    let there = Command::new(PYTHON).args(["-c", "import websockets"]).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        return e2e::skip("there is no python3-websockets: `make tools` installs it");
    }
    let mut server = Server(script().arg("serve").stdout(Stdio::piped()).spawn().unwrap());
    let mut port = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let proxy = Proxy::start(&[([127, 0, 0, 1], port.trim().parse().unwrap()).into()], "");
    let talked = said(script().args(["talk", &proxy.address.to_string()]));
    assert_eq!(talked, "chat PerMessageDeflate 4321 /room?a=b\n");
    proxy.sidecar.finish();
}
