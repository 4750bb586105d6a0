//! An example's README is a session with kubectl; this plays it, with the runner in the place of a cluster, and
//! compares what is printed.

mod debug;
mod kubectl;

use crate::containerd::Containerd;
use crate::cri::Cri;
use anyhow::{Context, Result, ensure};
use e2e::process::DEADLINE;
use kubectl::Cluster;
use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A command, and what the README says it prints.
struct Step {
    command: String,
    output: String,
}

/// What is in the cluster besides what a session starts.
#[derive(Default)]
pub struct Services {
    /// Names, which its pods can resolve
    pub addresses: BTreeMap<String, IpAddr>,
    /// A name server that knows more of them
    pub dns: Option<IpAddr>,
}

/// Plays the session in `directory/README.md`.
///
/// # Errors
/// If a command fails or prints something else.
pub fn play(containerd: &Containerd, cri: &Cri, directory: &Path, services: &Services) -> Result<()> {
    let path = directory.join("README.md");
    let readme = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let steps = steps(&readme);
    ensure!(!steps.is_empty(), "{} has no session", path.display());
    let mut shell = Shell { cluster: Cluster::new(containerd, cri, directory, services), variables: BTreeMap::new() };
    for Step { command, output } in steps {
        let printed = shell.run(&command).with_context(|| format!("{}: `{command}`", path.display()))?;
        ensure!(matches(&printed, &output), "{}: `{command}` prints\n{printed}\nand not\n{output}", path.display());
    }
    ensure!(!shell.cluster.has_pod(), "{}: the session leaves its pod", path.display());
    Ok(())
}

/// What a shell does of a session.
struct Shell<'a> {
    cluster: Cluster<'a>,
    variables: BTreeMap<String, String>,
}

impl Shell<'_> {
    fn run(&mut self, line: &str) -> Result<String> {
        if let Some((name, value)) = assignment(line) {
            self.variables.insert(name.into(), value.into());
            return Ok(String::new());
        }
        if let Some((old, new, file)) = edited(line) {
            return self.cluster.apply_edited(file, old, new);
        }
        let Some((command, text)) = repeated(line) else { return self.kubectl(line) };
        let start = Instant::now();
        loop {
            let printed = self.kubectl(command);
            if let Some(line) = printed.iter().flat_map(|printed| printed.lines()).find(|line| line.contains(text)) {
                return Ok(line.into());
            }
            ensure!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}; at last: {printed:?}");
            sleep(Duration::from_secs(1));
        }
    }

    fn kubectl(&mut self, command: &str) -> Result<String> {
        let words: Vec<_> = words(command).iter().map(|word| expanded(word, &self.variables)).collect();
        self.cluster.kubectl(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// NAME and VALUE of `NAME=VALUE`.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    (name.bytes().all(|byte| byte.is_ascii_lowercase()) && !value.contains(' ')).then_some((name, value))
}

/// What stands between spaces; what quotes enclose is of one word. Single quotes are gone from it, double ones are not yet.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut open, mut begun) = (vec![], None, None::<String>);
    for letter in command.chars() {
        if letter == ' ' && open.is_none() {
            words.extend(begun.take());
            continue;
        }
        let word = begun.get_or_insert_default();
        let quote = matches!(letter, '\'' | '"') && open.is_none_or(|open| open == letter);
        if quote {
            open = if open.is_none() { Some(letter) } else { None };
        }
        if !quote || letter == '"' {
            word.push(letter);
        }
    }
    words.extend(begun);
    words
}

/// A word without its double quotes, and with the values of variables.
fn expanded(word: &str, variables: &BTreeMap<String, String>) -> String {
    let inner = word.strip_prefix('"').and_then(|word| word.strip_suffix('"')).unwrap_or(word);
    variables.iter().fold(inner.into(), |word: String, (name, value)| word.replace(&format!("${name}"), value))
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

/// OLD, NEW and FILE of `sed 's/OLD/NEW/' FILE | kubectl apply -f -`. OLD is no more than a text.
fn edited(line: &str) -> Option<(&str, &str, &str)> {
    let (edit, file) = line.strip_prefix("sed 's/")?.strip_suffix(" | kubectl apply -f -")?.split_once("/' ")?;
    edit.split_once('/').map(|(old, new)| (old, new, file))
}

#[cfg(test)]
mod tests {
    use super::{assignment, edited, expanded, matches, repeated, steps, words};
    use std::collections::BTreeMap;

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
    fn an_edit_is_of_a_file() {
        let line = "sed 's/# a/a: b/' c.yaml | kubectl apply -f -";
        assert_eq!(edited(line), Some(("# a", "a: b", "c.yaml")));
        assert_eq!(edited("kubectl apply -f c.yaml"), None);
    }

    #[test]
    fn a_variable_has_a_value() {
        assert_eq!(assignment("all=/api?a=b"), Some(("all", "/api?a=b")));
        assert_eq!(assignment("kubectl get --raw /a?b=c"), None);
        let variables = BTreeMap::from([("all".into(), "/api".into())]);
        assert_eq!(expanded("\"$all?a&b\"", &variables), "/api?a&b");
        assert_eq!(expanded("$other", &variables), "$other");
    }

    #[test]
    fn quotes_make_one_word() {
        assert_eq!(words("a  b 'c d' --e='f g' ''"), ["a", "b", "c d", "--e=f g", ""]);
        assert_eq!(words(r#""a{b='c d'}" 'e "f'"#), [r#""a{b='c d'}""#, r#"e "f"#]);
    }

    #[test]
    fn an_ellipsis_is_anything() {
        assert!(matches("a\n", "a"));
        assert!(matches("abc", "a…c") && matches("abc", "…c") && matches("abc", "a…") && matches("ac", "a…c"));
        assert!(matches("abcbd", "a…b…d"));
        assert!(!matches("abc", "a…b") && !matches("abc", "b…") && !matches("ab", "a"));
    }
}
