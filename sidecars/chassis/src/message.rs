//! Messages, on stderr: stdout is for data. As text, or with `--log-format json` one JSON object a line. A pod's runtime
//! notes the time of each line, so they carry none of their own.

use anyhow::Error;
use clap::ValueEnum;
use std::fmt::Display;
use std::io::Write;
use std::sync::OnceLock;

#[cfg(feature = "service")]
pub(crate) mod hurry;

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

/// What a reader should know, although it goes on; and what to do, in a line that begins with `hint: `.
pub fn warning(text: impl Display) {
    let text = text.to_string();
    let (said, hint) = parted(&text);
    write("warning", said, hint);
}

/// What went wrong, from the outermost to the innermost cause, and then what to do: the first hint in the chain.
pub fn error(error: &Error) {
    let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
    let (what, hints): (Vec<_>, Vec<_>) = chain.iter().map(|text| parted(text)).unzip();
    write("error", &what.join(": "), hints.into_iter().flatten().next());
}

/// What a text says, and the hint in it.
fn parted(text: &str) -> (&str, Option<&str>) {
    text.split_once("\nhint: ").map_or((text, None), |(said, hint)| (said, Some(hint)))
}

fn write(level: &str, text: &str, hint: Option<&str>) {
    let line = match STYLE.get() {
        Some((program, Format::Json)) => object(level, program, text, hint),
        style => {
            let program = style.map_or(String::new(), |(program, _)| format!("{program}: "));
            let level = if level == "info" { String::new() } else { format!("{level}: ") };
            let hint = hint.map_or(String::new(), |hint| format!("\nhint: {}", printable(hint)));
            format!("{program}{level}{}{hint}", printable(text))
        }
    };
    let line = line + "\n";
    #[cfg(feature = "service")]
    if hurry::is_on() {
        return hurry::write(level, line.as_bytes());
    }
    // Whole lines in one write, so that programs which share a log do not mix theirs. A log that is gone stops nothing.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// A message as JSON.
pub(crate) fn object(level: &str, program: &str, text: &str, hint: Option<&str>) -> String {
    let fields = [("level", Some(level)), ("program", Some(program)), ("message", Some(text)), ("hint", hint)];
    let fields = fields.iter().filter_map(|(name, value)| Some(format!("\"{name}\":{}", json((*value)?))));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
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
