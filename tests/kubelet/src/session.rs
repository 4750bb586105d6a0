//! An example's README is a session with kubectl; this plays it, with the runner in the place of a cluster, and
//! compares what is printed.

use crate::containerd::Containerd;
use crate::cri::Cri;
use crate::http;
use crate::manifest::{Container, Manifest};
use crate::pod::Pod;
use anyhow::{Context, Result, bail, ensure};
use e2e::process::DEADLINE;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A command, and what the README says it prints.
struct Step {
    command: String,
    output: String,
}

/// Plays the session in `directory/README.md`.
///
/// # Errors
/// If a command fails or prints something else.
pub fn play(containerd: &Containerd, cri: &Cri, directory: &Path) -> Result<()> {
    let path = directory.join("README.md");
    let readme = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let steps = steps(&readme);
    ensure!(!steps.is_empty(), "{} has no session", path.display());
    let mut pod = None;
    for Step { command, output } in steps {
        let printed = kubectl(containerd, cri, directory, &mut pod, &command);
        let printed = printed.with_context(|| format!("{}: `{command}`", path.display()))?;
        ensure!(matches(&printed, &output), "{}: `{command}` prints\n{printed}\nand not\n{output}", path.display());
    }
    ensure!(pod.is_none(), "{}: the session leaves its pod", path.display());
    Ok(())
}

/// Of all blocks marked `console`: each line after `$ `, with the lines below it.
fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = vec![];
    let mut console = false;
    for line in readme.lines() {
        match (line.strip_prefix("```"), line.strip_prefix("$ "), steps.last_mut()) {
            (Some(kind), ..) => console = kind == "console",
            (None, Some(command), _) if console => {
                steps.push(Step { command: command.into(), output: String::new() });
            }
            (None, None, Some(step)) if console => step.output.extend([line, "\n"]),
            _ => {}
        }
    }
    steps
}

/// `…` stands for anything.
fn matches(printed: &str, expected: &str) -> bool {
    let (mut printed, expected) = (printed.trim_end(), expected.trim_end());
    let mut parts = expected.split('…').peekable();
    let Some(rest) = parts.next().and_then(|first| printed.strip_prefix(first)) else { return false };
    printed = rest;
    while let Some(part) = parts.next() {
        let found = if parts.peek().is_none() { printed.strip_suffix(part).map(|_| printed.len()) } else { None };
        let found = found.or_else(|| parts.peek().and(printed.find(part).map(|at| at + part.len())));
        let Some(end) = found else { return false };
        printed = &printed[end..];
    }
    printed.is_empty()
}

/// COMMAND and TEXT of `until COMMAND | grep 'TEXT'; do sleep 1; done`.
fn repeated(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("until ")?.strip_suffix("'; do sleep 1; done")?.rsplit_once(" | grep '")
}

/// The verbs that sessions use, each with what kubectl prints.
fn kubectl<'a>(
    containerd: &Containerd,
    cri: &'a Cri,
    directory: &Path,
    pod: &mut Option<(String, Pod<'a>)>,
    command: &str,
) -> Result<String> {
    if let Some((command, text)) = repeated(command) {
        let start = Instant::now();
        loop {
            let printed = kubectl(containerd, cri, directory, pod, command);
            if let Some(line) = printed.iter().flat_map(|printed| printed.lines()).find(|line| line.contains(text)) {
                return Ok(line.into());
            }
            ensure!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}; at last: {printed:?}");
            sleep(Duration::from_secs(1));
        }
    }
    let words: Vec<_> = command.split_whitespace().collect();
    match (words.as_slice(), pod.as_mut()) {
        (["kubectl", "apply", "-f", file], None) => {
            let manifest = Manifest::parse(&fs::read_to_string(directory.join(file))?)?;
            let name = manifest.pod.metadata.name.clone();
            let started = Pod::start(containerd, cri, manifest)?;
            let printed = format!("pod/{name} created");
            *pod = Some((name, started));
            Ok(printed)
        }
        (["kubectl", "wait", "--for=condition=Ready", which], Some((name, pod))) => {
            ensure!(*which == format!("pod/{name}"), "the pod is {name}");
            pod.until_ready()?;
            Ok(format!("pod/{name} condition met"))
        }
        (["kubectl", "exec", which, "-c", container, "--", command @ ..], Some((name, pod))) => {
            ensure!(which == name, "the pod is {name}");
            pod.exec(container, &command.iter().map(ToString::to_string).collect::<Vec<_>>())
        }
        (["kubectl", "logs", which, "-c", container], Some((name, pod))) => {
            ensure!(which == name, "the pod is {name}");
            pod.log(container)
        }
        // Through the API server's proxy, which asks the pod.
        (["kubectl", "get", "--raw", path], Some((name, pod))) => {
            let path = path.strip_prefix(&format!("/api/v1/namespaces/default/pods/{name}:")).context("not the pod")?;
            let (port, path) = path.split_once("/proxy/").context("no proxy")?;
            let answer = http::get((pod.ip()?, port.parse()?).into(), path, DEADLINE)?;
            ensure!(answer.status == 200, "HTTP status {}: {}", answer.status, answer.body);
            Ok(answer.body.trim_end().into())
        }
        (
            ["kubectl", "debug", which, "--keep-labels", "--profile=restricted", image, container, custom],
            Some((name, pod)),
        ) => {
            ensure!(which == name, "the pod is {name}");
            let image = image.strip_prefix("--image=").context("no image")?;
            let container = container.strip_prefix("--container=").context("no container")?;
            let custom = custom.strip_prefix("--custom=").context("nothing to add")?;
            let custom = fs::read_to_string(directory.join(custom))?;
            pod.debug(&Container::ephemeral(container, image, &custom)?)?;
            Ok(String::new())
        }
        (["kubectl", "delete", "pod", which], Some((name, running))) => {
            ensure!(which == name, "the pod is {name}");
            running.delete()?;
            let printed = format!("pod \"{name}\" deleted");
            *pod = None;
            Ok(printed)
        }
        _ => bail!("the runner knows no such command, or not here"),
    }
}

#[cfg(test)]
mod tests {
    use super::{matches, repeated, steps};

    #[test]
    fn a_session_is_commands_with_their_output() {
        let steps = steps("text\n```console\n$ one\na\nb\n$ two\n```\n$ three\n```yaml\n$ four\n```\n");
        let steps: Vec<_> = steps.iter().map(|step| (step.command.as_str(), step.output.as_str())).collect();
        assert_eq!(steps, [("one", "a\nb\n"), ("two", "")]);
    }

    #[test]
    fn a_loop_is_a_command_and_a_text() {
        let line = "until kubectl get --raw /a | grep 'b c'; do sleep 1; done";
        assert_eq!(repeated(line), Some(("kubectl get --raw /a", "b c")));
        assert_eq!(repeated("kubectl get --raw /a"), None);
    }

    #[test]
    fn an_ellipsis_is_anything() {
        assert!(matches("a\n", "a"));
        assert!(matches("abc", "a…c") && matches("abc", "…c") && matches("abc", "a…") && matches("ac", "a…c"));
        assert!(matches("abcbd", "a…b…d"));
        assert!(!matches("abc", "a…b") && !matches("abc", "b…") && !matches("ab", "a"));
    }
}
