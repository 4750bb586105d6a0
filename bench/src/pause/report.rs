//! The table: which figures, in which order, and what a reader must know of them.

use super::images::Image;
use super::memory::Memory;
use super::programs::Program;
use super::reaping::{self, Reaping};
use super::{Args, float};
use crate::table::{self, Table};
use clap::ValueEnum;
use e2e::orphans::Way;
use std::fs;
use std::thread;
use std::time::Duration;

/// Everything measured, each by program.
pub struct Figures {
    /// Bytes
    pub elf: Vec<u64>,
    pub memory: Vec<Memory>,
    pub start: Vec<Duration>,
    /// Then by way
    pub reaping: Vec<Vec<Reaping>>,
    /// Not by program; none where there is no Docker
    pub images: Vec<Image>,
}

/// One tar block: a program that fits gains nothing by being smaller.
const SMALLEST_FILE: f64 = 512.0;

pub fn print(args: &Args, programs: &[Program], figures: &Figures) {
    let mut tables = vec![holding(programs, figures), reaping(args, programs, figures)];
    if !figures.images.is_empty() {
        tables.push(images(&figures.images));
    }
    for table in tables {
        if args.markdown {
            println!("{}", table.markdown());
        } else {
            println!("{table}");
        }
    }
    let item = if args.markdown { "- " } else { "" };
    for note in notes(args, programs) {
        println!("{item}{note}");
    }
}

/// What it costs to hold a pod.
fn holding(programs: &[Program], figures: &Figures) -> Table {
    let mut rows: Vec<_> = programs.iter().map(|program| program.name).collect();
    rows.push("limit");
    let mut elf: Vec<_> = figures.elf.iter().copied().map(float).collect();
    elf.push(SMALLEST_FILE);
    let memory = |of: fn(&Memory) -> f64| figures.memory.iter().map(of).collect::<Vec<_>>();
    let start: Vec<_> = figures.start.iter().map(|time| time.as_secs_f64() * 1e6).collect();

    let mut table = Table::new("held by", &rows);
    table.add_with_ratios("ELF bytes", 0, &elf);
    table.add_with_ratios("PSS kB", 1, &memory(|memory| memory.pss));
    table.add_with_ratios("page tables kB", 1, &memory(|memory| memory.page_tables));
    table.add_with_ratios("page faults", 1, &memory(|memory| memory.faults));
    table.add_with_ratios("start µs", 0, &start);
    table
}

/// What it costs to reap its orphans.
fn reaping(args: &Args, programs: &[Program], figures: &Figures) -> Table {
    let rows: Vec<_> = programs.iter().map(|program| program.name).collect();
    let ways: Vec<_> = Way::value_variants().iter().copied().map(reaping::name).collect();
    let mut table = Table::new(&format!("{} orphans", count(args.orphans)), &rows);
    let mut add = |unit: &str, decimals, figure: fn(&Reaping) -> f64| {
        for (way, name) in ways.iter().enumerate() {
            // Four columns stand side by side: the first says what they are.
            let title = if way == 0 { &format!("{unit}: {name}") } else { name };
            let column: Vec<_> = figures.reaping.iter().map(|ways| figure(&ways[way])).collect();
            table.add_with_ratios(title, decimals, &column);
        }
    };
    add("CPU ms", 2, |reaping| reaping.cpu_time.as_secs_f64() * 1e3);
    add("switches", 0, |reaping| float(reaping.context_switches));
    let zombies = |ways: &Vec<Reaping>| float(ways.iter().map(|reaping| reaping.zombies).sum());
    table.add("zombies left", 0, &figures.reaping.iter().map(zombies).collect::<Vec<_>>());
    table
}

/// What it costs to bring it to a node.
fn images(images: &[Image]) -> Table {
    let rows: Vec<_> = images.iter().map(|image| image.name.as_str()).collect();
    let mut table = Table::new("image of", &rows);
    table.add_cells("docker images", images.iter().map(|image| image.listed.clone()));
    table.add_with_ratios("pulled bytes", 0, &images.iter().map(|image| float(image.pulled)).collect::<Vec<_>>());
    table
}

/// What a reader must know of the figures; a line each.
fn notes(args: &Args, programs: &[Program]) -> Vec<String> {
    let Args { instances, runs, .. } = args;
    let orphans = count(args.orphans);
    let mut notes = vec![
        format!(
            "PSS, page tables, page faults: from exec to waiting as PID 1; average of {instances} instances at a time"
        ),
        format!("start: from spawn to exit when only asked for the version; median of {runs} runs, taking turns"),
        format!(
            "CPU, switches: of PID 1, for {orphans} orphans dead already, alive, made one by one, leading sessions"
        ),
        format!("zombies left: of all four times {orphans}"),
        "images: one static program FROM scratch, by `docker build` where not by `make images`".into(),
        "docker images: as it lists them; pulled: config, manifest and gzip layer, as a registry has them".into(),
        "limit: one tar block: what a smaller file takes in an image, too".into(),
    ];
    notes.extend(programs.iter().map(|program| format!("{}: {}", program.name, program.origin)));
    notes.push(machine());
    notes
}

fn machine() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = thread::available_parallelism().map_or(0, Into::into);
    format!("measured on Linux {}, {processors} processors", kernel.trim_end())
}

/// As it stands in a text.
fn count(number: usize) -> String {
    table::number(float(number as u64), 0)
}
