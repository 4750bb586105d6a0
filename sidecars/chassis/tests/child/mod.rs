//! Signals and limits belong to a whole process: a test of them runs in one of its own, which is the same program once
//! more.

use std::env;
use std::process::{Command, Output, Stdio};

/// Runs the test `name` of this program as the process that it is about, with what `sh` is to do before.
pub fn run(name: &str, before: &str) -> Output {
    let script = format!("{before}; exec timeout -s KILL 60 \"$0\" --exact {name} --nocapture");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(env::current_exe().unwrap()).env("CHILD", name);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("running 1 test"), "there is no test {name}");
    output
}

/// Whether this is that process.
pub fn is(name: &str) -> bool {
    env::var("CHILD").is_ok_and(|child| child == name)
}

/// What the process was about went well.
pub fn succeeds(output: &Output) {
    let said = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
    assert!(output.status.success(), "{said}");
}
