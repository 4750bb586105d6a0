//! An example's README is a session with kubectl; this plays it, with the runner in the place of a cluster, and
//! compares what is printed.

mod debug;
mod get;
mod kubectl;

use crate::containerd::Containerd;
use crate::cri::Cri;
use anyhow::{Context, Result, ensure};
use e2e::process::DEADLINE;
use e2e::session::{Step, matches, steps};
use kubectl::Cluster;
use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

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
            let value = match value.strip_prefix("$(").and_then(|value| value.strip_suffix(')')) {
                Some(command) => self.kubectl(command)?,
                None => value.into(),
            };
            self.variables.insert(name.into(), value);
            return Ok(String::new());
        }
        if let Some((old, new, file)) = edited(line) {
            return self.cluster.apply_edited(file, old, new);
        }
        let Some((command, text)) = repeated(line) else { return self.kubectl(line) };
        let text = expanded(text, &self.variables);
        let start = Instant::now();
        loop {
            let printed = self.kubectl(command);
            if let Some(line) = printed.iter().flat_map(|printed| printed.lines()).find(|line| line.contains(&text)) {
                return Ok(line.into());
            }
            ensure!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}; at last: {printed:?}");
            sleep(Duration::from_secs(1));
            self.cluster.look_after()?;
        }
    }

    fn kubectl(&mut self, command: &str) -> Result<String> {
        let words: Vec<_> = words(command).iter().map(|word| expanded(word, &self.variables)).collect();
        self.cluster.kubectl(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// NAME and VALUE of `NAME=VALUE` or `NAME=$(VALUE)`.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let word = !value.contains(' ') || value.starts_with("$(");
    (name.bytes().all(|byte| byte.is_ascii_lowercase()) && word).then_some((name, value))
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

/// COMMAND and TEXT of `until COMMAND | grep 'TEXT'; do sleep 1; done`, or of the same with `"TEXT"` and its quotes.
fn repeated(line: &str) -> Option<(&str, &str)> {
    let (command, text) = line.strip_prefix("until ")?.strip_suffix("; do sleep 1; done")?.rsplit_once(" | grep ")?;
    Some((command, text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text)))
}

/// OLD, NEW and FILE of `sed 's/OLD/NEW/' FILE | kubectl apply -f -`, or of the same with another sign than `/`. OLD is no
/// more than a text.
fn edited(line: &str) -> Option<(&str, &str, &str)> {
    let (edit, file) = line.strip_prefix("sed 's")?.strip_suffix(" | kubectl apply -f -")?.split_once("' ")?;
    let sign = edit.chars().next()?;
    let (old, new) = edit.strip_prefix(sign)?.strip_suffix(sign)?.split_once(sign)?;
    Some((old, new, file))
}

#[cfg(test)]
mod tests {
    use super::{assignment, edited, expanded, repeated, words};
    use std::collections::BTreeMap;

    #[test]
    fn a_loop_is_a_command_and_a_text() {
        let line = "until kubectl get --raw /a | grep 'b c'; do sleep 1; done";
        assert_eq!(repeated(line), Some(("kubectl get --raw /a", "b c")));
        let line = "until kubectl get pod a | grep \"$ip\"; do sleep 1; done";
        assert_eq!(repeated(line), Some(("kubectl get pod a", "\"$ip\"")));
        assert_eq!(repeated("kubectl get --raw /a"), None);
    }

    #[test]
    fn an_edit_is_of_a_file() {
        let line = "sed 's/# a/a: b/' c.yaml | kubectl apply -f -";
        assert_eq!(edited(line), Some(("# a", "a: b", "c.yaml")));
        let line = "sed 's|a: /b|c: /d|' c.yaml | kubectl apply -f -";
        assert_eq!(edited(line), Some(("a: /b", "c: /d", "c.yaml")));
        assert_eq!(edited("kubectl apply -f c.yaml"), None);
    }

    #[test]
    fn a_variable_has_a_value() {
        assert_eq!(assignment("all=/api?a=b"), Some(("all", "/api?a=b")));
        assert_eq!(assignment("ip=$(kubectl get pod a)"), Some(("ip", "$(kubectl get pod a)")));
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
}
