//! The example `debug`: an ephemeral container that looks into an app without a shell.

use crate::Node;
use crate::examples::directory;
use anyhow::{Context, Result};
use kubelet::image::Image;
use kubelet::manifest::{Container, Manifest};
use kubelet::pod::Pod;
use kubelet::session::{self, Services};
use serde_json::json;
use std::fs::{self, File};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

const BUSYBOX: &str = "localhost/busybox:1";

#[test]
fn the_session() {
    let node = Node::get();
    load(&node).unwrap();
    session::play(&node.containerd, &node.cri, &directory("debug"), &Services::default()).unwrap();
}

/// What the README says of users: processes and network are the pod's for everyone, files are their owner's.
#[test]
fn another_user_sees_the_processes_but_not_the_files() {
    let node = Node::get();
    load(&node).unwrap();
    let manifest = fs::read_to_string(directory("debug/pod.yaml")).unwrap();
    let mut pod = Pod::start(&node.containerd, &node.cri, Manifest::parse(&manifest).unwrap()).unwrap();
    pod.until_ready().unwrap();
    let mut look = |name: &str, custom: &str| {
        let mut container = Container::ephemeral(name, BUSYBOX, custom).unwrap();
        container.command = ["sleep", "1d"].map(Into::into).to_vec();
        pod.debug(&container, Some("app")).unwrap();
    };
    look("same", "{}");
    look("other", "securityContext: { runAsUser: 65533 }");
    let read = |name: &str, path: &str| pod.exec(name, &["cat", path].map(Into::into));
    for name in ["same", "other"] {
        assert_eq!(read(name, "/proc/1/comm").unwrap(), "app", "{name}");
        let page = ["wget", "-q", "-O", "-", "http://127.0.0.1:8080/index.html"].map(Into::into);
        assert_eq!(pod.exec(name, &page).unwrap(), "written by app", "{name}");
    }
    let page = "/proc/1/root/pages/index.html";
    assert_eq!(read("same", page).unwrap(), "written by app");
    let error = format!("{:#}", read("other", page).unwrap_err());
    assert!(error.contains("Permission denied"), "{error}");
    pod.delete().unwrap();
}

/// Has the node know `localhost/busybox:1`: Debian's, static, with a link for each of its commands.
fn load(node: &Node) -> Result<()> {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if node.cri.image(BUSYBOX).is_ok() {
        return Ok(());
    }
    // Where Debian has it, is its release's affair.
    let places = ["bin", "usr/bin"].map(|place| e2e::workspace("target/busybox").join(place).join("busybox"));
    let program = places.iter().find(|place| place.exists());
    let program = program.context("target/busybox is missing: run `make busybox`")?;
    let home = tempfile::tempdir()?;
    let [layer, archive] = ["layer.tar", "image.tar"].map(|file| home.path().join(file));
    let mut tar = tar::Builder::new(File::create(&layer)?);
    tar.append_path_with_name(program, "bin/busybox")?;
    let commands = String::from_utf8(Command::new(program).arg("--list").output()?.stdout)?;
    for command in commands.lines().filter(|command| *command != "busybox") {
        let mut link = tar::Header::new_ustar();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_mode(0o777);
        link.set_size(0);
        tar.append_link(&mut link, format!("bin/{command}"), "busybox")?;
    }
    tar.into_inner()?;
    let config = json!({ "Env": ["PATH=/bin"], "Cmd": ["sh"] });
    Image::from_scratch(&config).layer(&layer).write(BUSYBOX, &archive)?;
    node.containerd.load(&archive)
}
