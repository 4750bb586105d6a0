//! What is said of a command line that is none.

use super::variable;
use crate::message;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, Error};
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{Write, stderr};

/// Refuses a flag that stands before a subcommand and is read only after it, which clap would pass over in silence.
pub fn misplaced(command: &mut Command, matches: &ArgMatches) -> Result<(), Error> {
    let Some(subcommand) = matches.subcommand_name() else { return Ok(()) };
    let given = |argument: &&Arg| matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine);
    let found = command.get_arguments().filter(|argument| !argument.is_global_set()).find(given);
    let Some(text) = found.map(|argument| format!("'{argument}' has to come after '{subcommand}'")) else {
        return Ok(());
    };
    Err(command.error(ErrorKind::ArgumentConflict, text))
}

/// Says on stderr what is wrong, as clap does; and also which variable said so, since nobody wrote the flag then.
pub fn tell(error: &Error, command: &mut Command) {
    command.build(); // or subcommands that were not called do not know their flags' names
    let hint =
        in_environment(error, command).map(|variables| format!("set in the environment: {}", variables.join(", ")));
    let rendered = error.render().to_string();
    let text = if wants_json(command) {
        let (what, tip) = parts(&rendered);
        let hint = hint.or(tip).unwrap_or_else(|| "`--help` shows what there is".into());
        message::object("error", command.get_name(), &what, Some(&hint)) + "\n"
    } else {
        rendered + &hint.map_or(String::new(), |hint| format!("\nhint: {hint}\n"))
    };
    // That stderr is closed is nothing to fail for here.
    let _ = stderr().write_all(text.as_bytes());
}

/// The first paragraph of what clap says, as one line, and its tip.
fn parts(rendered: &str) -> (String, Option<String>) {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let what = rendered.split("\n\n").next().unwrap_or_default();
    let tip = rendered.lines().find_map(|line| line.trim_start().strip_prefix("tip: "));
    (line(what.strip_prefix("error: ").unwrap_or(what)), tip.map(line))
}

/// The variables behind the flags that are wrong, if there are any.
fn in_environment(error: &Error, command: &Command) -> Option<Vec<String>> {
    let wrong: Vec<&str> = [ContextKind::InvalidArg, ContextKind::PriorArg]
        .into_iter()
        .filter_map(|kind| error.get(kind))
        .flat_map(|value| match value {
            ContextValue::String(one) => vec![one.as_str()],
            ContextValue::Strings(all) => all.iter().map(String::as_str).collect(),
            _ => vec![],
        })
        .collect();
    let mut found = vec![];
    let mut commands = vec![command];
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands());
        for argument in command.get_arguments().filter(|argument| wrong.contains(&argument.to_string().as_str())) {
            let (Some(flag), Some(name)) = (argument.get_long(), argument.get_env()) else { continue };
            let variable = name.to_string_lossy().into_owned();
            if env::var_os(name).is_some() && given(flag).is_none() && !found.contains(&variable) {
                found.push(variable);
            }
        }
    }
    (!found.is_empty()).then_some(found)
}

/// Whether messages are to be JSON, as far as that can be known of a command line that is wrong.
fn wants_json(command: &Command) -> bool {
    const FLAG: &str = "log-format";
    let knows =
        command.get_arguments().any(|argument| argument.get_long() == Some(FLAG) && argument.get_env().is_some());
    let said = || given(FLAG).or_else(|| env::var_os(variable(command.get_name(), FLAG)));
    knows && said().is_some_and(|format| format == "json")
}

/// What the command line says of a flag.
fn given(flag: &str) -> Option<OsString> {
    let mut arguments = env::args_os().skip(1).take_while(|argument| argument != "--");
    let mut value = None;
    while let Some(argument) = arguments.next() {
        let Some(name) = argument.as_encoded_bytes().strip_prefix(b"--") else { continue };
        match name.strip_prefix(flag.as_bytes()) {
            Some([]) => value = Some(arguments.next().unwrap_or_default()),
            Some([b'=', ..]) => {
                let text = argument.to_string_lossy();
                value = text.split_once('=').map(|(_, value)| OsStr::new(value).to_owned());
            }
            _ => {}
        }
    }
    value
}
