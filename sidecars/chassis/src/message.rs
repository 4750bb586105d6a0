//! Messages, on stderr: stdout is for data. As text, or with `--log-format json` one JSON object a line. A pod's runtime
//! notes the time of each line, so they carry none of their own.

use anyhow::Error;
use clap::ValueEnum;
use std::fmt::Display;
use std::io::Write;
use std::sync::OnceLock;

/// How messages are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

static STYLE: OnceLock<(&str, Format)> = OnceLock::new();

/// Says who speaks, and how. Before that messages are text, without a name.
pub fn init(program: &'static str, format: Format) {
    // The first word holds: a program has one name.
    let _ = STYLE.set((program, format));
}

/// What a reader may like to know.
pub fn info(text: impl Display) {
    write("info", &text.to_string(), None);
}

/// What a reader should know, although it goes on.
pub fn warning(text: impl Display) {
    write("warning", &text.to_string(), None);
}

/// What went wrong, from the outermost to the innermost cause, and then what to do. An error says that in the lines
/// of its text that begin with `hint: `, wherever in the chain it is.
pub fn error(error: &Error) {
    let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
    let (mut what, mut hints) = (vec![], vec![]);
    for text in &chain {
        let (said, hint) = text.split_once("\nhint: ").map_or((text.as_str(), None), |(said, hint)| (said, Some(hint)));
        what.push(said);
        hints.extend(hint);
    }
    write("error", &what.join(": "), hints.first().copied());
}

fn write(level: &str, text: &str, hint: Option<&str>) {
    let line = match STYLE.get() {
        Some((program, Format::Json)) => {
            let fields = [("level", Some(level)), ("program", Some(*program)), ("message", Some(text)), ("hint", hint)];
            let fields = fields.iter().filter_map(|(name, value)| Some(format!("\"{name}\":{}", json((*value)?))));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        style => {
            let program = style.map_or(String::new(), |(program, _)| format!("{program}: "));
            let level = if level == "info" { String::new() } else { format!("{level}: ") };
            let hint = hint.map_or(String::new(), |hint| format!("\nhint: {}", printable(hint)));
            format!("{program}{level}{}{hint}", printable(text))
        }
    };
    // Whole lines in one write, so that programs which share a log do not mix theirs. A log that is gone stops nothing.
    let _ = std::io::stderr().write_all((line + "\n").as_bytes());
}

/// Names of files may have newlines and escape sequences in them, which are not to be mistaken for lines or obeyed.
fn printable(text: &str) -> String {
    let escaped = |character: char| {
        if character.is_control() { character.escape_default().collect() } else { character.to_string() }
    };
    text.chars().map(escaped).collect()
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default() // a string can always be written
}
