//! The example `war-tomcat`: a Tomcat that lives while its application is replaced.

pub mod images;
mod watch;

use crate::Node;
use e2e::process::until;
use kubelet::manifest::{Container, Manifest};
use kubelet::messages::ContainerState;
use kubelet::pod::Pod;
use kubelet::session::{self, Services};
use kubelet::{free_port, http};
use nix::sys::signal::{Signal, kill};
use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use watch::{Seen, Watch};

fn directory() -> PathBuf {
    e2e::workspace("examples/kubernetes/war-tomcat")
}

/// One Tomcat at a time: for one that starts, two processors are few.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn the_session() {
    let _turn = turn();
    let node = Node::get();
    images::load(&node).unwrap();
    session::play(&node.containerd, &node.cri, &directory(), &Services::default()).unwrap();
}

#[test]
fn a_new_war() {
    replace(&[]);
}

#[test]
fn a_new_exploded_war() {
    replace(&["--explode"]);
}

/// Starts the pod with version 1, brings version 2 while two loops ask for pages, and has Tomcat look at the volume
/// while the new version is half there.
fn replace(options: &[&str]) {
    let _turn = turn();
    let node = Node::get();
    images::load(&node).unwrap();
    let options: Vec<_> = options.iter().map(ToString::to_string).collect();
    let host_port = free_port();
    let mut manifest = Manifest::parse(&fs::read_to_string(directory().join("pod.yaml")).unwrap()).unwrap();
    manifest.pod.spec.init_containers[0].args.clone_from(&options);
    manifest.pod.spec.containers[0].ports[0].host_port = Some(host_port);
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    pod.until_ready().unwrap();
    let tomcat = SocketAddr::from((pod.ip().unwrap(), 8080));
    let host = SocketAddr::from((Ipv4Addr::LOCALHOST, host_port));
    let watches = [Watch::start(host, "/sample/"), Watch::start(tomcat, "/sample/long.txt")];
    let both_see = |seen: &Seen| watches.iter().all(|watch| watch.seen().last().is_some_and(|(last, _)| last == seen));
    until("both see version 1", || both_see(&Seen::Version(1)));

    let webapps = &pod.volume("app").unwrap().to_path_buf();
    let before = files(webapps);
    let mut update = update();
    update.args = options;
    // So slow that it can be caught in the midst.
    update.resources.limits.cpu = Some("10m".into());
    let copy = pod.debug(&update, None).unwrap();
    let process = node.cri.container_pid(&copy).unwrap();
    let ended = || node.cri.container_status(&copy).unwrap().state() == ContainerState::Exited;
    until("it writes", || files(webapps) != before || ended());
    assert!(kill(process, Signal::SIGSTOP).is_ok(), "it ends too early: {}", pod.log("update").unwrap());
    until_tomcat_has_looked(tomcat, webapps, "midst");
    for watch in &watches {
        assert!(watch.seen().iter().all(|(seen, _)| *seen == Seen::Version(1)), "{watch:?}");
    }
    kill(process, Signal::SIGCONT).unwrap();

    assert_eq!(node.cri.wait(&copy).unwrap().exit_code, 0, "{}", pod.log("update").unwrap());
    until("both see version 2", || both_see(&Seen::Version(2)));
    until_tomcat_has_looked(tomcat, webapps, "end");
    for seen in watches.map(Watch::end) {
        let (reloads, mut versions): (Vec<_>, Vec<_>) =
            seen.iter().map(|(seen, _)| seen).partition(|seen| **seen == Seen::NotDeployed);
        versions.dedup();
        assert_eq!(versions, [&Seen::Version(1), &Seen::Version(2)], "whole, and never back: {seen:?}");
        assert!(reloads.len() <= 1, "Tomcat deploys it once: {seen:?}");
    }
    let log = pod.log("tomcat").unwrap();
    assert!(!log.contains("SEVERE"), "{log}");
    assert_eq!(deployed(&log), BTreeSet::from(["end", "midst", "sample"]), "{log}");
    pod.delete().unwrap();
}

/// What the README's `kubectl debug` starts.
fn update() -> Container {
    let custom = fs::read_to_string(directory().join("update.yaml")).unwrap();
    Container::ephemeral("update", "localhost/sample:2", &custom).unwrap()
}

/// What Tomcat says that it deploys: `Deploying web application KIND [PATH]`.
fn deployed(log: &str) -> BTreeSet<&str> {
    let paths = log.lines().filter(|line| line.contains(" Deploying web application "));
    let paths = paths.filter_map(|line| line.split_once('[')?.1.split_once('[')?.1.strip_suffix(']'));
    paths.filter_map(|path| Path::new(path).file_stem()?.to_str()).collect()
}

/// Every file below `directory`, with what changes when it is written.
fn files(directory: &Path) -> BTreeSet<(PathBuf, u64, Option<SystemTime>)> {
    let mut files = BTreeSet::new();
    // What vanishes while it is listed is no longer there.
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            files.extend(self::files(&entry.path()));
        } else {
            files.insert((entry.path(), metadata.len(), metadata.modified().ok()));
        }
    }
    files
}

/// Puts an application of this name beside the others: once Tomcat has found it, it has looked at all of them.
fn until_tomcat_has_looked(tomcat: SocketAddr, webapps: &Path, name: &str) {
    let application = webapps.join(name);
    fs::create_dir(&application).unwrap();
    fs::write(application.join("page.txt"), name).unwrap();
    let page = format!("/{name}/page.txt");
    until("Tomcat finds a new application", || {
        http::get(tomcat, &page, Duration::from_secs(20)).is_ok_and(|answer| answer.status == 200)
    });
}
