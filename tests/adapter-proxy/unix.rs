//! Unix sockets that it listens on: files with a mode, which outlive who made them.

use e2e::process::until;
use e2e::proxy::{self, Place, Proxy, echo};
use e2e::sidecar::{Sidecar, free_port, get, refuse, with};
use nix::sys::socket::{Shutdown, shutdown};
use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

fn config(path: &Path, mode: &str, endpoint: SocketAddr) -> String {
    format!(
        "listeners: [{{listen: 'unix:{}', cluster: c{mode}}}]\nclusters: {{c: {{endpoints: ['{endpoint}']}}}}\n",
        path.display()
    )
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn hello(path: &Path) -> String {
    let mut bytes = [0; 5];
    UnixStream::connect(path).unwrap().read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes.into()).unwrap()
}

#[test]
fn its_mode_and_its_end() {
    let (place, address) = (Place::new(""), echo("hello"));
    let socket = place.path().join("app.sock");
    place.write(&config(&socket, "", address));
    let proxy = Proxy::of(&place, free_port(), &[]);
    assert_eq!((mode(&socket), hello(&socket)), (0o660, "hello".into()));
    place.write(&config(&socket, ", mode: \"0606\"", address));
    until("it has another mode", || mode(&socket) == 0o606);
    assert_eq!(hello(&socket), "hello");
    assert_eq!(proxy.terminate().code, 0);
    assert!(!socket.exists());

    let proxy = Proxy::of(&place, free_port(), &[]);
    assert_eq!(mode(&socket), 0o606, "whatever the umask");
    // What is somebody else's by now is not removed.
    fs::remove_file(&socket).unwrap();
    fs::write(&socket, "").unwrap();
    assert_eq!(proxy.terminate().code, 0);
    assert!(socket.exists());
}

/// An app that tidies up its directory has nowhere to connect to, and there is a way out.
#[test]
fn one_that_somebody_removed() {
    let (place, address) = (Place::new(""), echo("hello"));
    let socket = place.path().join("app.sock");
    let config = config(&socket, "", address);
    place.write(&config);
    let proxy = Proxy::of(&place, free_port(), &[]);
    let mut open = UnixStream::connect(&socket).unwrap();
    let mut heard = [0; 5];
    open.read_exact(&mut heard).unwrap();
    fs::remove_file(&socket).unwrap();
    let (status, why) = get(proxy.admin, "/readyz").unwrap();
    assert!(status == 503 && why.contains(socket.to_str().unwrap()), "{status}: {why}");
    place.write(&format!("{config}# once more\n"));
    until("it is made anew", || get(proxy.admin, "/readyz").is_ok_and(|(status, _)| status == 200));
    assert_eq!((mode(&socket), hello(&socket)), (0o660, "hello".into()));
    // What was open goes on, and counts as before.
    open.write_all(b"again").unwrap();
    open.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"again");
    assert_eq!(proxy.metric("adapter_proxy_connections_total"), 2);
    drop(open);
    assert_eq!(proxy.terminate().code, 0);
    assert!(!socket.exists());
}

#[test]
fn one_that_is_there() {
    let (place, address) = (Place::new(""), echo("hello"));
    let socket = place.path().join("app.sock");
    place.write(&config(&socket, "", address));
    let launch = || proxy::launch(&[&"--config", &place.config()]);

    fs::write(&socket, "not a socket").unwrap();
    refuse(launch(), 1, &["app.sock", "something that is no socket", "hint: remove it"]);
    assert!(socket.exists());
    fs::remove_file(&socket).unwrap();

    let live = UnixListener::bind(&socket).unwrap();
    refuse(launch(), 1, &["app.sock", "somebody listens there already"]);
    // One with so much to do that it takes no connection is as alive.
    // SAFETY: it takes no pointer.
    assert_eq!(unsafe { libc::listen(live.as_raw_fd(), 0) }, 0);
    live.accept().unwrap(); // the one that has just asked
    let _waiting = UnixStream::connect(&socket).unwrap();
    refuse(launch(), 1, &["app.sock", "somebody listens there already"]);
    // The children of other threads may have it for a moment.
    shutdown(live.as_raw_fd(), Shutdown::Both).unwrap();
    drop(live);

    // It is stale now.
    assert!(socket.exists());
    Proxy::of(&place, free_port(), &[]).sidecar.kill();
    assert!(socket.exists(), "who is killed removes nothing");
    let proxy = Proxy::of(&place, free_port(), &[]);
    assert_eq!(hello(&socket), "hello");
    assert_eq!(proxy.terminate().code, 0);
}

#[test]
fn a_directory_that_is_not_there() {
    let launch = proxy::launch(&[&"--listen", &"unix:/nowhere/app.sock", &"--to", &"127.0.0.1:1"]);
    refuse(launch, 1, &["cannot listen on unix:/nowhere/app.sock", "hint: its directory has to be there"]);
    let long = format!("unix:/{}", "x".repeat(200));
    refuse(
        proxy::launch(&[&"--listen", &long, &"--to", &"127.0.0.1:1"]),
        2,
        &["a socket's path has 107 bytes at most"],
    );
}

#[test]
fn by_flags() {
    let (place, address) = (Place::new(""), echo("hello"));
    let socket = place.path().join("app.sock");
    let listen = format!("unix:{}", socket.display());
    let launch = with(proxy::launch(&[&"--listen", &listen]), &[&"--to", &address.to_string()]);
    let proxy = Sidecar::start(launch);
    proxy.until_said("listening on unix:");
    assert_eq!(hello(&socket), "hello");
    proxy.finish();
}
