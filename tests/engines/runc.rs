use e2e::command::{copy_program, output};
use e2e::matrix::Behaviour::{EndsWithPause, ImagesUser, Restricted, Seccomp};
use e2e::matrix::{self, Column};
use e2e::process::{SECCOMP_FILTER, stat, status, until_in_syscall};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::fs;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// pause in a bundle, run by runc alone.
struct Bundle {
    directory: TempDir,
    pid: Pid,
}

impl Bundle {
    /// Starts pause with the seccomp profile of the examples, as the strictest would: no capability, no new privileges,
    /// nothing writable.
    fn run() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("rootfs");
        fs::create_dir_all(root.join("proc")).unwrap();
        copy_program(&e2e::program("pause"), &root.join("pause")).unwrap();
        let profile = fs::read(e2e::workspace("examples/seccomp/pause.json")).unwrap();
        let profile: Value = serde_json::from_slice(&profile).unwrap();
        let namespaces = ["pid", "ipc", "network", "uts", "mount"].map(|kind| json!({ "type": kind }));
        let config = json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": { "uid": 65535, "gid": 65535 },
                "args": ["/pause"],
                "cwd": "/",
                "capabilities": {},
                "noNewPrivileges": true,
            },
            "root": { "path": "rootfs", "readonly": true },
            "mounts": [{ "destination": "/proc", "type": "proc", "source": "proc" }],
            "linux": { "namespaces": namespaces, "seccomp": profile },
        });
        fs::write(directory.path().join("config.json"), config.to_string()).unwrap();

        let mut bundle = Self { directory, pid: Pid::from_raw(0) };
        // runc would hand our pipes to pause, and we would wait for their end.
        let log = fs::File::create(bundle.directory.path().join("log")).unwrap();
        let mut run = bundle.runc(&["run", "--detach", "--bundle"]);
        let run = run.arg(bundle.directory.path()).arg("pause").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let ran = run.status().unwrap().success();
        assert!(ran, "runc: {}", fs::read_to_string(bundle.directory.path().join("log")).unwrap());
        let state: Value = serde_json::from_str(&output(bundle.runc(&["state"]).arg("pause")).unwrap()).unwrap();
        bundle.pid = Pid::from_raw(state["pid"].as_i64().unwrap().try_into().unwrap());
        bundle
    }

    fn runc(&self, verb: &[&str]) -> Command {
        let mut command = Command::new("runc");
        command.arg("--root").arg(self.directory.path().join("state")).args(verb);
        command
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let _ = output(&mut self.runc(&["delete", "--force", "pause"]));
    }
}

#[test]
fn pause_runs_under_the_strictest_bundle() {
    let Ok(version) = output(Command::new("runc").arg("--version")) else {
        return matrix::skip_engine(matrix::Engine::Runc, "no runc here");
    };
    let version = version.lines().next().and_then(|line| line.strip_prefix("runc version ")).unwrap();
    let column = Column::new(matrix::Engine::Runc, version);
    let bundle = Bundle::run();
    until_in_syscall(bundle.pid, libc::SYS_rt_sigtimedwait);
    let field = |name| status(bundle.pid, name).unwrap();
    assert_eq!((field("Uid"), field("Gid")), (65535, 65535));
    column.saw(ImagesUser);
    assert_eq!(field("Seccomp"), SECCOMP_FILTER);
    column.saw(Seccomp);
    assert_eq!(field("NoNewPrivs"), 1);
    let capabilities = fs::read_to_string(format!("/proc/{}/status", bundle.pid)).unwrap();
    let capabilities: Vec<&str> = capabilities.lines().filter(|line| line.starts_with("Cap")).collect();
    assert!(capabilities.iter().all(|line| line.ends_with("\t0000000000000000")), "{capabilities:?}");
    let mounts = fs::read_to_string(format!("/proc/{}/mounts", bundle.pid)).unwrap();
    let root = mounts.lines().find(|mount| mount.split(' ').nth(1) == Some("/")).unwrap();
    assert!(root.split(' ').nth(3).unwrap().split(',').any(|option| option == "ro"), "{root}");
    column.saw(Restricted);

    output(bundle.runc(&["kill", "pause", "TERM"]).stdin(Stdio::null())).unwrap();
    // Its parent is whoever adopts what runc leaves; the exit code is not ours to see, the end is.
    e2e::process::until("pause has ended", || stat(bundle.pid, 3).is_none_or(|state| state == "Z"));
    column.saw(EndsWithPause);
}
