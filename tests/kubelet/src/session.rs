//! An example's README is a session with kubectl; this plays it, with the runner in the place of a cluster, and
//! compares what is printed.

use crate::containerd::Containerd;
use crate::cri::Cri;
use crate::manifest::Manifest;
use crate::pod::Pod;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::Path;

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

/// The verbs that sessions use, each with what kubectl prints.
fn kubectl<'a>(
    containerd: &Containerd,
    cri: &'a Cri,
    directory: &Path,
    pod: &mut Option<(String, Pod<'a>)>,
    command: &str,
) -> Result<String> {
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
    use super::{matches, steps};

    #[test]
    fn a_session_is_commands_with_their_output() {
        let steps = steps("text\n```console\n$ one\na\nb\n$ two\n```\n$ three\n```yaml\n$ four\n```\n");
        let steps: Vec<_> = steps.iter().map(|step| (step.command.as_str(), step.output.as_str())).collect();
        assert_eq!(steps, [("one", "a\nb\n"), ("two", "")]);
    }

    #[test]
    fn an_ellipsis_is_anything() {
        assert!(matches("a\n", "a"));
        assert!(matches("abc", "a…c") && matches("abc", "…c") && matches("abc", "a…") && matches("ac", "a…c"));
        assert!(matches("abcbd", "a…b…d"));
        assert!(!matches("abc", "a…b") && !matches("abc", "b…") && !matches("ab", "a"));
    }
}
