//! The command line, and the environment in its place: what `--drain-timeout` says, `WAR_COPY_DRAIN_TIMEOUT` says, too.

use crate::exit::USAGE;
use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, Parser};
use std::process::ExitCode;
use std::time::Duration;

/// The arguments of this process. Flags that are not there are looked for in the environment, as `PROGRAM_FLAG`.
///
/// # Errors
/// When there is nothing to run: after `--help` and `--version`, and after a mistake, which has been explained on
/// stderr. The exit code says which.
pub fn parse<A: Parser>() -> Result<A, ExitCode> {
    parsed(with_environment(A::command()).try_get_matches())
}

/// The same for a program that stands in for another one, whose flags no variable has ever set.
///
/// # Errors
/// As [`parse`].
pub fn parse_without_environment<A: Parser>() -> Result<A, ExitCode> {
    parsed(A::command().try_get_matches())
}

fn parsed<A: FromArgMatches>(matches: clap::error::Result<ArgMatches>) -> Result<A, ExitCode> {
    matches.and_then(|matches| A::from_arg_matches(&matches)).map_err(|error| {
        // That stdout or stderr is closed is nothing to fail for here.
        let _ = error.print();
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
            _ => ExitCode::from(USAGE),
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
            let variable = format!("{program}_{flag}").to_uppercase().replace('-', "_");
            boolish(argument).env(variable).hide_env_values(true)
        }
        _ => argument,
    });
    command.mut_subcommands(|subcommand| from_environment(subcommand, program))
}

/// A variable can only be set to something: `1`, `yes` and `true` are the flag, `0`, `no` and `false` are none.
fn boolish(argument: Arg) -> Arg {
    match argument.get_action() {
        ArgAction::SetTrue => argument.value_parser(BoolishValueParser::new()),
        _ => argument,
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

/// `512`, `64K`, `500MB`, `4GiB`, in bytes: K and KiB are 1,024, KB is 1,000.
///
/// # Errors
/// What is wrong with it, for clap to print.
pub fn size(text: &str) -> Result<u64, &'static str> {
    const UNITS: [(&str, u64); 12] = [
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
        assert_eq!(size("64K"), Ok(65_536));
        assert_eq!(size("500MB"), Ok(500_000_000));
        assert_eq!(size("4 GiB"), Ok(4 << 30));
        for wrong in ["", "B", "-1", "4 gigs", "1.5G", "99999999T"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
