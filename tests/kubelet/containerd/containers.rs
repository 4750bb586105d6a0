use crate::Node;
use e2e::matrix::Behaviour;
use e2e::pause::WAIT;
use e2e::process::{DEADLINE, ends_within, pidfd, status, until, until_in_syscall};
use e2e::view::namespaces;
use kubelet::messages::{ContainerState, NamespaceMode, SandboxState};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

#[test]
fn a_container_starts_stops_and_is_replaced() {
    let node = Node::get();
    let sandbox = node.sandbox("replaced", NamespaceMode::Pod);
    let pause = namespaces(&sandbox.pid.to_string()).unwrap();
    let first = sandbox.app("app", &["serve", "/", "8080"]).unwrap();
    let before = sandbox.view(&first).unwrap();

    sandbox.stop(&first, 10).unwrap();
    let end = node.cri.container_status(&first).unwrap();
    assert_eq!(end.state(), ContainerState::Exited);
    assert_eq!(end.exit_code, 128 + 15, "of SIGTERM, which only PID 1 may be deaf to");
    sandbox.remove(&first).unwrap();

    let second = sandbox.app("app", &["serve", "/", "8080"]).unwrap();
    let after = sandbox.view(&second).unwrap();
    assert_eq!(after.addresses, before.addresses);
    assert_eq!(after.hardware, before.hardware);
    assert_eq!(after.namespaces, pause);
    assert_eq!(node.cri.sandbox_pid(&sandbox.id).unwrap(), sandbox.pid);
    node.saw(Behaviour::Replaced);
}

/// With the PID namespace go all who are in it, and containerd knows.
#[test]
fn the_pod_ends_with_pause() {
    let node = Node::get();
    let sandbox = node.sandbox("ended", NamespaceMode::Pod);
    let app = sandbox.app("app", &["serve", "/", "8080"]).unwrap();
    let end = pidfd(node.cri.container_pid(&app).unwrap()).unwrap();
    kill(sandbox.pid, Signal::SIGTERM).unwrap();
    assert!(ends_within(DEADLINE, &end).unwrap(), "the app is gone");
    assert_eq!(node.cri.wait(&app).unwrap().exit_code, 128 + 9);
    until("the sandbox is not ready", || {
        node.cri.sandbox_status(&sandbox.id).unwrap().state() == SandboxState::NotReady
    });
    node.saw(Behaviour::EndsWithPause);
}

/// What PID 1 of its own does not handle, it does not hear: SIGKILL comes after the grace period.
#[test]
fn a_container_deaf_to_sigterm_is_killed() {
    let node = Node::get();
    let sandbox = node.sandbox("deaf", NamespaceMode::Container);
    let app = sandbox.app("app", &["serve", "/", "8080"]).unwrap();
    sandbox.stop(&app, 1).unwrap();
    assert_eq!(node.cri.container_status(&app).unwrap().exit_code, 128 + 9);
}

#[test]
fn orphans_of_a_shared_pid_namespace_are_reaped_by_pause_asleep() {
    const ORPHANS: &str = "1000";
    let node = Node::get();
    let sandbox = node.sandbox("orphans", NamespaceMode::Pod);
    let app = sandbox.app("app", &["wait"]).unwrap();
    until_in_syscall(sandbox.pid, WAIT);
    let before = context_switches(sandbox.pid);
    assert_eq!(sandbox.exec(&app, &["orphans", "alive", ORPHANS]).unwrap(), ORPHANS, "PID 1 adopts all");
    sandbox.exec(&app, &["orphans", "zombie", ORPHANS]).unwrap();
    let view = sandbox.view(&app).unwrap();
    assert_eq!(view.init.name, "pause");
    assert_eq!(view.zombies, 0, "of {} processes", view.processes);
    assert_eq!(context_switches(sandbox.pid), before, "pause is not woken");
    node.saw(Behaviour::ReapsAsleep);
}

fn context_switches(pid: Pid) -> u64 {
    ["voluntary", "nonvoluntary"].iter().map(|kind| status(pid, &format!("{kind}_ctxt_switches")).unwrap()).sum()
}
