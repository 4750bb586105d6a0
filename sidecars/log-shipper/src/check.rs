//! Shows what a configuration does: which files match, and what their first lines would become.

use crate::args::Settings;
use anyhow::Result;
use log_shipper::batch::Batch;
use log_shipper::config::{Config, Output, Stdout};
use log_shipper::input::patterns::{Patterns, Visitor};
use log_shipper::input::source::Source;
use log_shipper::route::Route;
use log_shipper::sink::Sink;
use log_shipper::window::{More, Segment, Window};
use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// So much of each file is looked at, and so many of its events are shown.
const BYTES: usize = 64 << 10;
const EVENTS: usize = 3;

#[derive(Default)]
struct Found {
    files: BTreeSet<PathBuf>,
}

impl Visitor for Found {
    fn directory(&mut self, _: &Path) {}

    fn file(&mut self, path: PathBuf) {
        self.files.insert(path);
    }
}

/// Prints it on stdout.
///
/// # Errors
/// When the configuration makes no sense, or stdout is closed.
pub fn check(settings: &Settings) -> Result<()> {
    let config = &settings.config;
    // Everything that is made when one ships, so that every mistake is found.
    Sink::new(&config.output, Some(&settings.state))?;
    Route::new(config, [0; 16])?;
    let mut out = std::io::stdout().lock();
    let inputs = config.inputs.iter().map(Patterns::new).collect::<Result<Vec<_>, _>>()?;
    for (number, (input, patterns)) in config.inputs.iter().zip(&inputs).enumerate() {
        let mut found = Found::default();
        patterns.walk(&mut found);
        // Of a file that several inputs are about, the first one decides.
        found.files.retain(|path| !inputs[..number].iter().any(|earlier| earlier.matches(path)));
        // A pattern without a wildcard finds what is not there.
        let is_there =
            |path: &PathBuf| !path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound);
        let (there, missing): (Vec<_>, Vec<_>) = found.files.into_iter().partition(is_there);
        let files = if there.len() == 1 { "1 file".into() } else { format!("{} files", there.len()) };
        writeln!(out, "{}: {files}", input.files.join(" "))?;
        for path in missing {
            writeln!(out, "  {}: is not there yet", path.display())?;
        }
        let shown = Config {
            inputs: config.inputs.clone(),
            output: Output::Stdout(Stdout::default()),
            kubernetes: config.kubernetes.clone(),
        };
        let mut route = Route::new(&shown, [0; 16])?;
        for (log, path) in there.into_iter().enumerate() {
            let read =
                is_allowed(patterns, &path).and_then(|()| first(&mut route, log, number, &path.as_path().into()));
            match read {
                Ok((size, events)) => {
                    writeln!(out, "  {} ({size} bytes)", path.display())?;
                    out.write_all(&events)?;
                }
                Err(error) => writeln!(out, "  {}: cannot be read: {error}", path.display())?,
            }
        }
    }
    Ok(())
}

/// # Errors
/// When it is a link, or has one on its way, that leads out of `--confine`.
fn is_allowed(patterns: &Patterns, path: &Path) -> std::io::Result<()> {
    let target = path.canonicalize()?;
    if patterns.allows(&target) {
        return Ok(());
    }
    let target = target.display();
    Err(std::io::Error::other(format!("it is {target}, which is outside of the directories of --confine")))
}

/// The size of a file, and its first events, a line each.
fn first(route: &mut Route, log: usize, input: usize, path: &Arc<Path>) -> std::io::Result<(u64, Vec<u8>)> {
    let mut source = Source::open(path, true)?;
    let size = source.file().and_then(|file| file.metadata().ok()).map_or(0, |metadata| metadata.len());
    let mut window = Window::default();
    let read = source.read_at(0, &mut window.bytes, BYTES)?;
    window.segments.push(Segment { start: 0, generation: 0, offset: 0, continues: false });
    let more = if read < BYTES { More::Ended } else { More::Full };
    let mut batch = Batch::default();
    route.pass((log, input, path), &window, more, &mut batch, usize::MAX);
    let end = batch.ends.iter().take(EVENTS).next_back().map_or(0, |end| *end as usize);
    let lines = batch.body[..end].split_inclusive(|byte| *byte == b'\n');
    Ok((size, lines.flat_map(|line| [b"    ", line].concat()).collect()))
}
