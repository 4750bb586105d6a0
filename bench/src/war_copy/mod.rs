//! war-copy beside what people use for its work: time and CPU time of whole processes, in one run.

mod contest;
mod sources;

use anyhow::Result;
use contest::{Contest, Entrant};
use sources::Sources;

#[derive(clap::Args)]
pub struct Args {
    /// How often each command has its turn
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// Prints a table for each thing that can be copied, as soon as it is there.
///
/// # Errors
/// If a command fails.
pub fn bench(args: &Args) -> Result<()> {
    let sources = Sources::new()?;
    let war_copy = e2e::program("war-copy");
    let ours = war_copy.display();
    let plain = Entrant::new("war-copy --no-verify --no-sync", format!("{ours} --no-verify --no-sync {{from}} {{to}}"));
    let verified = Entrant::new("war-copy --no-sync", format!("{ours} --no-sync {{from}} {{to}}"));
    let whole = Entrant::new("war-copy", format!("{ours} {{from}} {{to}}"));
    let file = |name, command: &str| Entrant::new(name, command.replace("{file}", "{to}/$(basename {from})"));

    let copy = [plain.clone(), file("cp", "cp {from} {to}"), file("busybox cp", "busybox cp {from} {to}")];
    let check = [
        verified,
        file("cp, sha256sum", "cp {from} {to} && sha256sum {file}"),
        file("busybox cp, sha256sum", "busybox cp {from} {to} && busybox sha256sum {file}"),
    ];
    let sync = [whole, file("cp, sha256sum, sync", "cp {from} {to} && sha256sum {file} && sync {file}")];
    let many = [
        Entrant::new("war-copy -a --no-verify --no-sync", format!("{ours} -a --no-verify --no-sync {{from}} {{to}}")),
        Entrant::new("cp -a", "cp -a {from} {to}".into()),
        Entrant::new("busybox cp -a", "busybox cp -a {from} {to}".into()),
        Entrant::new("war-copy -a --no-sync", format!("{ours} -a --no-sync {{from}} {{to}}")),
    ];
    let many_synced = [
        Entrant::new("war-copy -a --no-verify", format!("{ours} -a --no-verify {{from}} {{to}}")),
        Entrant::new("cp -a, sync -f", "cp -a {from} {to} && sync -f {to}".into()),
    ];
    let explode = [
        Entrant::new("war-copy --explode --no-sync", format!("{ours} --explode --no-sync {{from}} {{to}}")),
        Entrant::new("unzip", "mkdir {to}/out && unzip -q {from} -d {to}/out".into()),
        Entrant::new("bsdtar", "mkdir {to}/out && bsdtar -xf {from} -C {to}/out".into()),
        Entrant::new("busybox unzip", "mkdir {to}/out && busybox unzip -q {from} -d {to}/out".into()),
    ];
    let (big, many_files, war) = (&sources.big, &sources.many, &sources.war);
    let (memory, disk) = (sources.memory(), sources.disk());
    let rounds = args.rounds;
    let contest = |about, entrants, from, to, rounds| Contest { about, entrants, from, to, rounds };
    [
        contest("1 GiB in memory, to the same", &copy[..], big, memory, 4 * rounds), // it is about a few hundredths
        contest("1 GiB from memory to disk", &copy, big, disk, rounds),
        contest("1 GiB in memory, checked", &check, big, memory, rounds),
        contest("1 GiB to disk, and on it", &sync, big, disk, rounds),
        contest("50,000 × 4 KiB in memory", &many, many_files, memory, rounds),
        contest("50,000 × 4 KiB to disk, and on it", &many_synced, many_files, disk, rounds),
        contest("a WAR of 200 MB", &explode, war, memory, rounds),
    ]
    .iter()
    .try_for_each(|contest| {
        println!("{}", contest.table()?);
        Ok(())
    })
}
