//! No engine and no root: pause in namespaces that any user may make, and containers that are processes in them.

use e2e::command::{copy_program, output};
use e2e::matrix::Behaviour::{EndsWithPause, ExitsWithZero, PausesNamespaces, ReapsAsleep, Replaced, ServeEachOther};
use e2e::matrix::{Column, Engine};
use e2e::process::{children, ends_within, pidfd, until, until_in_syscall};
use e2e::view::View;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Any user that is not root.
const SOMEBODY: [&str; 3] = ["--reuid=65532", "--regid=65532", "--clear-groups"];

struct Pod {
    directory: TempDir,
    unshare: Child,
    pause: Pid,
}

impl Pod {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        copy_program(&e2e::program("pause"), &directory.path().join("pause")).unwrap();
        copy_program(env!("CARGO_BIN_EXE_app").as_ref(), &directory.path().join("app")).unwrap();
        let mut unshare = Command::new("setpriv");
        unshare.args(SOMEBODY).args(["unshare", "--map-root-user", "--net", "--ipc", "--pid", "--mount-proc"]);
        unshare.args(["--fork", "--kill-child"]).arg(directory.path().join("pause"));
        let unshare = unshare.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let parent = Pid::from_raw(unshare.id().try_into().unwrap());
        until("unshare has a child", || children(parent).next().is_some());
        let pause = children(parent).next().unwrap();
        until_in_syscall(pause, libc::SYS_rt_sigtimedwait);
        let pod = Self { directory, unshare, pause };
        output(pod.joining("ip").args(["link", "set", "lo", "up"])).unwrap();
        pod
    }

    /// A command in pause's namespaces.
    fn joining(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(SOMEBODY).args(["nsenter", "--user", "--preserve-credentials", "--net", "--ipc", "--pid"]);
        command.args(["--mount", "--target", &self.pause.to_string(), "--", program]).stdin(Stdio::null());
        command
    }

    fn app(&self, role: &[&str]) -> Command {
        let mut command = self.joining(self.directory.path().join("app").to_str().unwrap());
        command.args(role);
        command
    }

    /// Serves the volume on a port, with a page of its own; returns once it answers.
    fn serve(&self, port: &str, page: &str) -> Child {
        let volume = self.directory.path().to_str().unwrap();
        let file = format!("{volume}/{port}.html");
        let server = self.app(&["serve", volume, port, "--write", &file, page]).stderr(Stdio::null()).spawn().unwrap();
        until(&format!("port {port} answers"), || self.get(port).as_deref() == Some(page));
        server
    }

    fn get(&self, port: &str) -> Option<String> {
        output(&mut self.app(&["get", port, &format!("{port}.html")])).ok()
    }

    fn view(&self) -> View {
        serde_json::from_str(&output(&mut self.app(&["look"])).unwrap()).unwrap()
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        let _ = kill(self.pause, Signal::SIGKILL);
        let _ = self.unshare.wait();
    }
}

#[test]
fn processes_join_pause() {
    let version = output(Command::new("unshare").arg("--version")).unwrap();
    let column = Column::new(Engine::Unshare, version.rsplit(' ').next().unwrap());
    let mut pod = Pod::start();
    let uid = fs::read_to_string(format!("/proc/{}/status", pod.pause)).unwrap();
    assert!(uid.contains("Uid:\t65532\t65532\t65532\t65532\n"), "{uid}");

    // Peers serve each other, and are where pause is.
    let (mut first, mut second) = (pod.serve("8080", "first"), pod.serve("8081", "second"));
    column.saw(ServeEachOther);
    let before = pod.view();
    assert_eq!(before.init.name, "pause");
    assert_eq!(before.init.namespaces.as_ref(), Some(&before.namespaces));
    column.saw(PausesNamespaces);

    // Orphans are reaped, and pause sleeps.
    assert_eq!(output(&mut pod.app(&["orphans", "alive", "1000"])).unwrap(), "1000");
    output(&mut pod.app(&["orphans", "zombie", "1000"])).unwrap();
    let after = pod.view();
    assert_eq!((after.zombies, after.init), (0, before.init.clone()));
    column.saw(ReapsAsleep);

    // One is replaced, and the other and pause stay.
    for child in children(Pid::from_raw(second.id().try_into().unwrap())) {
        kill(child, Signal::SIGKILL).unwrap();
    }
    second.wait().unwrap();
    let mut third = pod.serve("8081", "third");
    assert_eq!(pod.get("8080").as_deref(), Some("first"));
    assert_eq!(pod.view().init, before.init);
    column.saw(Replaced);

    // pause's end is everyone's.
    let ends = [pod.pause, Pid::from_raw(pod.unshare.id().try_into().unwrap())].map(|pid| pidfd(pid).unwrap());
    kill(pod.pause, Signal::SIGTERM).unwrap();
    for end in &ends {
        assert!(ends_within(Duration::from_secs(1), end).unwrap(), "gone within a second");
    }
    assert!(pod.unshare.wait().unwrap().success(), "pause exits with 0");
    column.saw(ExitsWithZero);
    for mut server in [first.wait(), third.wait()] {
        assert!(!server.as_mut().unwrap().success(), "killed with its namespace");
    }
    column.saw(EndsWithPause);
}
