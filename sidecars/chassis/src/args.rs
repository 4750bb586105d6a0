//! The command line, and the environment in its place: what `--drain-timeout` says, `WAR_COPY_DRAIN_TIMEOUT` says, too.

mod mistake;

use crate::exit::USAGE;
use crate::message::Format;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Args, Command, FromArgMatches, Parser};
use std::process::ExitCode;
use std::time::Duration;

/// How a program speaks.
#[derive(Args)]
pub struct Messages {
    /// How messages are written, on stderr
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text", global = true)]
    pub log_format: Format,
}

/// When a long-running program ends that was asked to.
#[derive(Clone, Copy, Args)]
pub struct Ending {
    /// After SIGTERM, go on until there has been nothing to do for so long …
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "500ms")]
    pub quiet_for: Duration,
    /// … and this is how long it may take altogether
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "25s")]
    pub drain_timeout: Duration,
}

/// The arguments of this process. Flags that are not there are looked for in the environment, as `PROGRAM_FLAG`.
///
/// # Errors
/// When there is nothing to run: after `--help` and `--version`, and after a mistake, which has been explained on
/// stderr. The exit code says which.
pub fn parse<A: Parser>() -> Result<A, ExitCode> {
    parsed(with_environment(A::command()))
}

/// The same for a program that stands in for another one, whose flags no variable has ever set.
///
/// # Errors
/// As [`parse`].
pub fn parse_without_environment<A: Parser>() -> Result<A, ExitCode> {
    parsed(A::command())
}

fn parsed<A: FromArgMatches>(mut command: Command) -> Result<A, ExitCode> {
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    let arguments = matches.and_then(|matches| {
        mistake::misplaced(&mut command, &matches)?;
        A::from_arg_matches(&matches)
    });
    arguments.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print(); // that stdout is closed is nothing to fail for here
            ExitCode::SUCCESS
        }
        _ => {
            mistake::tell(&error, &mut command);
            ExitCode::from(USAGE)
        }
    })
}

fn with_environment(command: Command) -> Command {
    let program = command.get_name().to_owned();
    from_environment(command, &program)
}

/// What a flag of a subcommand is called does not depend on that: `LOG_SHIPPER_CONFIG` is for `check`, too.
fn from_environment(command: Command, program: &str) -> Command {
    let command = command.mut_args(|argument| match argument.get_long() {
        Some(flag) if !matches!(flag, "help" | "version") => {
            let variable = variable(program, flag);
            // One that a template has left empty says nothing.
            let is_empty = std::env::var_os(&variable).is_some_and(|value| value.is_empty());
            let argument = switch(argument);
            if is_empty { argument } else { argument.env(variable).hide_env_values(true) }
        }
        _ => argument,
    });
    command.mut_subcommands(|subcommand| from_environment(subcommand, program))
}

fn variable(program: &str, flag: &str) -> String {
    format!("{program}_{flag}").to_uppercase().replace('-', "_")
}

/// A variable can only be set to something: `1`, `yes` and `true` are the flag, `0`, `no` and `false` are none.
fn switch(argument: Arg) -> Arg {
    match argument.get_action() {
        ArgAction::SetTrue => argument.value_parser(is_on),
        _ => argument,
    }
}

fn is_on(text: &str) -> Result<bool, &'static str> {
    match &*text.to_lowercase() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Ok(false),
        _ => Err("expected `true` or `false`"),
    }
}

/// `25s`, `200ms`, `2m`, `1h`; a number alone is seconds.
///
/// # Errors
/// What is wrong with it, for clap to print.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    let milliseconds = quantity(text, &UNITS, 1000).ok_or("expected a time such as `25s`, `200ms` or `2m`")?;
    Ok(Duration::from_millis(milliseconds))
}

/// `512`, `512B`, `64K`, `500MB`, `4GiB`, in bytes: K and KiB are 1,024, KB is 1,000.
///
/// # Errors
/// What is wrong with it, for clap to print.
pub fn size(text: &str) -> Result<u64, &'static str> {
    const UNITS: [(&str, u64); 13] = [
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("tib", 1 << 40),
        ("kb", 1000),
        ("mb", 1000_u64.pow(2)),
        ("gb", 1000_u64.pow(3)),
        ("tb", 1000_u64.pow(4)),
        ("k", 1 << 10),
        ("m", 1 << 20),
        ("g", 1 << 30),
        ("t", 1 << 40),
        ("b", 1),
    ];
    quantity(&text.to_lowercase(), &UNITS, 1).ok_or("expected a size such as `500MB` or `4GiB`")
}

/// A number of one of `units`, or of `unit` when there is none with it.
fn quantity(text: &str, units: &[(&str, u64)], unit: u64) -> Option<u64> {
    let suffixed = units.iter().find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)));
    let (number, unit) = suffixed.unwrap_or((text, unit));
    number.trim_end().parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::{duration, size, with_environment};
    use clap::{Arg, Command};
    use std::time::Duration;

    #[test]
    fn variables() {
        let flags = || [Arg::new("files"), Arg::new("drain").long("drain-timeout")];
        let command = Command::new("log-shipper").args(flags()).subcommand(Command::new("check").args(flags()));
        let command = with_environment(command);
        for command in [&command, command.find_subcommand("check").unwrap()] {
            let variables: Vec<_> = command.get_arguments().map(Arg::get_env).collect();
            assert_eq!(variables, [None, Some("LOG_SHIPPER_DRAIN_TIMEOUT".as_ref())]);
        }
    }

    #[test]
    fn times() {
        assert_eq!(duration("25"), Ok(Duration::from_secs(25)));
        assert_eq!(duration("3 s"), Ok(Duration::from_secs(3)));
        assert_eq!(duration("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        for wrong in ["", "s", "-1s", "1.5s", "1d", "18446744073709551615h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("0"), Ok(0));
        assert_eq!(size("512"), Ok(512));
        assert_eq!(size("256 B"), Ok(256));
        assert_eq!(size("64K"), Ok(65_536));
        assert_eq!(size("500MB"), Ok(500_000_000));
        assert_eq!(size("4 GiB"), Ok(4 << 30));
        for wrong in ["", "B", "-1", "4 gigs", "1.5G", "99999999T"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
