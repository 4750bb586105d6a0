//! Which lines belong to the one before them.

use crate::config::{Known, Multiline};
use memchr::memmem;
use regex::bytes::Regex;

/// What has been seen of a stack trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing that the next line depends on
    #[default]
    Other,
    /// Python: `Traceback …`, and what is indented below it
    PythonFrames,
    /// Python: the line that says which exception it was
    PythonException,
    /// Python: `During handling of …`, after which comes another one
    PythonChain,
    /// Go: `panic: …`, and what is said of it
    GoPanic,
    /// Go: `goroutine 1 [running]:`, and its frames
    GoFrames,
}

/// Says of each line whether it continues the event before. Lines that no rule knows do not.
pub struct Rules {
    start: Option<Regex>,
    /// Those of Java and .NET are known by each line alone.
    java: bool,
    python: bool,
    go: bool,
    dotnet: bool,
}

impl Rules {
    /// The rules of an input. With a start pattern, each line that is no start continues, also an empty one; with known
    /// shapes as well, a start may also be a part of such a shape.
    pub fn new(multiline: &Multiline) -> Self {
        let knows = |known| multiline.known.contains(&known);
        let start = multiline.start.as_ref().map(|pattern| pattern.0.clone());
        let [java, python, go, dotnet] = [Known::Java, Known::Python, Known::Go, Known::Dotnet].map(knows);
        Self { start, java, python, go, dotnet }
    }

    /// Whether a line continues the event before, and what has been seen then.
    pub fn step(&self, state: State, line: &[u8]) -> (bool, State) {
        let known = match state {
            State::Other => None,
            State::PythonFrames | State::PythonException | State::PythonChain => python(state, line),
            State::GoPanic | State::GoFrames => go(state, line),
        };
        let by_itself = || (self.java && is_java(line)) || (self.dotnet && is_dotnet(line));
        match known {
            Some(next) => (true, next),
            None if by_itself() => (true, State::Other),
            None => {
                let begins = if self.python { python_begins(line) } else { None };
                let begins = begins.or_else(|| if self.go { go_begins(line) } else { None });
                (self.start.as_ref().is_some_and(|start| !start.is_match(line)), begins.unwrap_or_default())
            }
        }
    }
}

/// `\tat a.B.c(B.java:12)`, `Caused by: …`, `\t... 12 more`, `\tSuppressed: …`.
fn is_java(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    let indented = text.len() < line.len();
    match text {
        [b'a', b't', b' ', ..] => indented,
        [b'.', b'.', b'.', b' ', rest @ ..] => {
            let after = &rest[rest.iter().take_while(|byte| byte.is_ascii_digit()).count()..];
            after.len() < rest.len() && (after.starts_with(b" more") || after.starts_with(b" common frames omitted"))
        }
        [b'C', ..] => text.starts_with(b"Caused by: "),
        [b'S', ..] => indented && text.starts_with(b"Suppressed: "),
        [b'[', ..] => text.starts_with(b"[CIRCULAR REFERENCE"),
        _ => false,
    }
}

/// `   at A.B.C() in /src/B.cs:line 12`, ` ---> System.Exception: …`, `   --- End of inner exception stack trace ---`.
fn is_dotnet(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    let indented = text.len() < line.len();
    (indented && (text.starts_with(b"at ") || text.starts_with(b"---> "))) || text.starts_with(b"--- End of ")
}

const TRACEBACK: &[u8] = b"Traceback (most recent call last):";

fn python_begins(line: &[u8]) -> Option<State> {
    // A frame begins one as well: what was before it may have been shipped.
    let begins = line.trim_ascii_end().ends_with(TRACEBACK) || line.starts_with(b"  File \"");
    begins.then_some(State::PythonFrames)
}

fn python(state: State, line: &[u8]) -> Option<State> {
    let text = line.trim_ascii();
    // An empty line belongs to the exception before it, whatever follows.
    if text.is_empty() {
        return Some(state);
    }
    match state {
        // Groups of exceptions are drawn with `|` and `+`.
        State::PythonFrames if line[0].is_ascii_whitespace() => Some(State::PythonFrames),
        State::PythonFrames => Some(State::PythonException),
        State::PythonException if is_chain(text) => Some(State::PythonChain),
        State::PythonChain if text.ends_with(TRACEBACK) => Some(State::PythonFrames),
        _ => None,
    }
}

fn is_chain(text: &[u8]) -> bool {
    text.starts_with(b"During handling of the above exception")
        || text.starts_with(b"The above exception was the direct cause")
}

fn go_begins(line: &[u8]) -> Option<State> {
    let panics = line.starts_with(b"panic: ")
        || line.starts_with(b"fatal error: ")
        || memmem::find(line, b" panic: ").is_some()
        || memmem::find(line, b"http: panic serving").is_some();
    if panics {
        return Some(State::GoPanic);
    }
    is_goroutine(line).then_some(State::GoFrames)
}

fn go(state: State, line: &[u8]) -> Option<State> {
    if line.is_empty() {
        return Some(state);
    }
    if is_goroutine(line) {
        return Some(State::GoFrames);
    }
    let said = line[0] == b'\t' || line.starts_with(b"[signal ") || line.starts_with(b"panic: ");
    let frame = || is_go_call(line) || line.starts_with(b"created by ") || line.starts_with(b"...");
    (said || (state == State::GoFrames && frame())).then_some(state)
}

/// `goroutine 1 [running]:`
fn is_goroutine(line: &[u8]) -> bool {
    line.starts_with(b"goroutine ") && line.trim_ascii_end().ends_with(b":")
}

/// `net/http.(*conn).serve(0xc0000b2000, {0x1, 0x2})`
fn is_go_call(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    line.ends_with(b")") && name.contains(&b'.') && name.contains(&b'(')
}

#[cfg(test)]
mod tests {
    use super::{Rules, State};
    use crate::config::Multiline;

    /// The events of a text, in which a line of `--` ends each of them.
    fn check(multiline: &str, text: &str) {
        let multiline: Multiline = serde_json::from_str(multiline).unwrap();
        let rules = Rules::new(&multiline);
        let (mut state, mut found) = (State::default(), String::new());
        for line in text.lines().filter(|line| *line != "==") {
            let (continues, next) = rules.step(state, line.as_bytes());
            state = next;
            found += if continues || found.is_empty() { "" } else { "==\n" };
            found += line;
            found += "\n";
        }
        assert_eq!(found, text);
    }

    #[test]
    fn java() {
        check(
            r#"{"known":["java"]}"#,
            "started
==
java.lang.IllegalStateException: no order
\tat shop.Orders.find(Orders.java:12)
\tat java.base/java.lang.Thread.run(Thread.java:833)
\tSuppressed: java.io.IOException: closed
\t\tat shop.Orders.close(Orders.java:40)
\t\t... 2 more
Caused by: java.sql.SQLException: gone
\tat org.db.Driver.query(Driver.java:7)
\t... 12 common frames omitted
==
at last
==
... and so on
==
Caused by nothing
==

",
        );
    }

    #[test]
    fn python() {
        check(
            r#"{"known":["python"]}"#,
            "ERROR no order
==
Traceback (most recent call last):
  File \"shop.py\", line 3, in find
    return orders[number]
           ~~~~~~^^^^^^^^
KeyError: 7

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File \"shop.py\", line 9, in <module>
    find(7)
shop.NoOrder: 7
==
started
==
  indented
==
  File \"shop.py\", line 9, in <module>
    find(7)
shop.NoOrder: 7

==
During the night
",
        );
    }

    #[test]
    fn go() {
        check(
            r#"{"known":["go"]}"#,
            "started
==
panic: runtime error: invalid memory address or nil pointer dereference
\tpanic: again
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4a2b3c]

goroutine 1 [running]:
main.(*Shop).find(0x0, {0xc000012345, 0x7})
\t/src/shop.go:12 +0x1d
main.main()
\t/src/main.go:7 +0x85
created by main.start in goroutine 1
\t/src/main.go:3 +0x2f

goroutine 7 [chan receive]:
shop.wait(...)
\t/src/shop.go:40
==
exit status 2
==
done in time (2 s)
==
2026/11/21 18:03:02 http: panic serving 10.0.0.1:4711: no order
goroutine 9 [running]:
net/http.(*conn).serve.func1()
\t/usr/lib/go/src/net/http/server.go:1801 +0xb9
==
next
",
        );
    }

    #[test]
    fn dotnet() {
        check(
            r#"{"known":["dotnet"]}"#,
            "Unhandled exception. System.InvalidOperationException: no order
 ---> System.Data.DataException: gone
   at Shop.Db.Query() in /src/Db.cs:line 7
   --- End of inner exception stack trace ---
   at Shop.Orders.Find(Int32 number) in /src/Orders.cs:line 12
--- End of stack trace from previous location ---
   at Shop.Program.Main()
==
at last
",
        );
    }

    #[test]
    fn a_start() {
        check(
            r#"{"start":"^\\d{4}-"}"#,
            "before
any start
==
2026-11-21 first

indented
==
2026-11-22 second
",
        );
    }

    #[test]
    fn a_start_within_a_known_shape() {
        check(
            r#"{"start":"^\\S","known":["java","python"]}"#,
            "first
==
Traceback (most recent call last):
  File \"x.py\", line 1
KeyError: 7
==
java.lang.Error
\tat a.B.c(B.java:1)
Caused by: java.lang.Error
==
second
  more
",
        );
    }
}
