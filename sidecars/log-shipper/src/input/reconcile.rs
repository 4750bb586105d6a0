//! What became of a log's files: which was renamed, copied, truncated, removed, and which is new.

use crate::input::generation::Generation;
use crate::input::identity::{Identity, Seen};
use crate::input::log::Log;
use crate::input::names::{is_compressed, is_rotated};
use crate::input::source::Source;
use chassis::message;
use std::collections::VecDeque;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How often a directory is read again that changes meanwhile.
const PATIENCE: usize = 10;

/// What the other logs and the whole program have to do with it.
pub trait Surroundings {
    /// Whether a file is read for another log
    fn is_taken(&self, identity: Identity) -> bool;
    /// For a new generation
    fn number(&mut self) -> u64;
    /// Bytes that were gone before they could be read
    fn lost(&mut self, bytes: u64);
}

/// A file that may have to do with a log.
struct Candidate {
    path: PathBuf,
    seen: Seen,
    claimed: bool,
}

/// Sets the generations of `log` right: `live` is what its path leads to now. A log that begins `at_end` is one that
/// was there before there was a shipper, and is not to be shipped from its start.
///
/// # Errors
/// When the live file cannot be read.
pub fn reconcile(log: &mut Log, live: Option<Seen>, at_end: bool, around: &mut impl Surroundings) -> io::Result<()> {
    let path = log.target.clone().unwrap_or_else(|| log.path.to_path_buf());
    let follow = log.target.is_none();
    // Opened first: if that fails, nothing has changed.
    let fresh = match live {
        Some(seen)
            if !log.generations.iter().any(|one| one.identity == Some(seen.identity) && one.source.is_some()) =>
        {
            let source = Source::open(&path, follow)?;
            let seen = source.file().and_then(|file| file.metadata().ok()).map_or(seen, |found| Seen::new(&found));
            Some((seen, source))
        }
        _ => None,
    };
    let live = fresh.as_ref().map_or(live, |(seen, _)| Some(*seen));
    if let (Some(live), [only], None) = (live, log.generations.make_contiguous(), &fresh)
        && only.identity == Some(live.identity)
    {
        log.live = true;
        return Ok(());
    }

    let mut live = live.map(|seen| Candidate { path: path.clone(), seen, claimed: false });
    let known = !log.generations.is_empty();
    let mut generations: Vec<Generation> = log.generations.drain(..).collect();
    generations.iter_mut().for_each(Generation::refresh);
    find_by_identity(&mut generations, &mut live.iter_mut().collect::<Vec<_>>(), follow, false);
    // A directory may have ten thousand files, and nearly always there is no need to look at it.
    let found = live.iter().filter(|live| live.claimed).count();
    let mut rotated = if generations.len() == found { vec![] } else { siblings(&path) };
    let mut all: Vec<&mut Candidate> = live.iter_mut().chain(rotated.iter_mut()).collect();
    find_by_identity(&mut generations, &mut all, follow, true);
    find_by_content(&mut generations, &mut all, around);
    // Also one that is in no file any more tells up to when the log has been seen.
    let is_current = |one: &&Generation| live.as_ref().is_some_and(|live| one.identity == Some(live.seen.identity));
    let seen = generations.iter().filter(|one| !is_current(one)).map(|one| one.modified).max();
    log.since = log.since.or(seen);
    forget_lost(&mut generations, &log.path, around);

    // The live file, unless it is one of them.
    let is_live =
        |generation: &Generation| live.as_ref().is_some_and(|live| generation.identity == Some(live.seen.identity));
    let at = generations.iter().position(is_live);
    let mut current = at.map(|at| generations.remove(at));
    if let (None, Some((seen, source))) = (&current, fresh)
        && !around.is_taken(seen.identity)
    {
        let offset = if at_end { seen.size } else { 0 };
        current = Some(Generation::new(around.number(), &seen, source, offset)?);
    }
    // After the live one: a copy of it that is being made is none that was missed.
    if let Some(since) = log.since.filter(|_| known) {
        missed(&mut generations, current.as_mut(), &mut rotated, since, around);
    }
    log.live = current.is_some();
    log.generations = generations.into_iter().chain(current).collect::<VecDeque<_>>();
    // There may be ten thousand logs.
    log.generations.shrink_to_fit();
    log.current = 0;
    while log.current + 1 < log.generations.len() && log.generations[log.current].all_read() {
        log.current += 1;
    }
    Ok(())
}

/// Files with a name that says they may have been `path`, and compressed ones of which no other form is there.
fn siblings(path: &Path) -> Vec<Candidate> {
    let changed = || path.parent().and_then(|directory| directory.metadata().ok()?.modified().ok());
    let (mut before, mut found) = (changed(), listed(path));
    // A file that is renamed while the directory is read may be seen under no name at all.
    for _ in 0..PATIENCE {
        let after = changed();
        if after == before {
            break;
        }
        (before, found) = (after, listed(path));
    }
    found
}

fn listed(path: &Path) -> Vec<Candidate> {
    let (Some(directory), Some(base)) = (path.parent(), path.file_name()) else { return vec![] };
    let Ok(entries) = directory.read_dir() else { return vec![] };
    let names = entries.flatten().map(|entry| entry.file_name());
    let names: Vec<_> = names.filter(|name| is_rotated(base.as_bytes(), name.as_bytes())).collect();
    let is_whole = |path: &PathBuf| {
        // gzip removes the one when the other is whole; other compressors are not read.
        !is_compressed(path)
            || path.extension().is_some_and(|extension| extension == "gz") && !path.with_extension("").exists()
    };
    names
        .iter()
        .map(|name| directory.join(name))
        .filter(is_whole)
        .filter_map(|path| {
            let metadata = path.symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
            Some(Candidate { seen: Seen::new(&metadata), path, claimed: false })
        })
        .collect()
}

/// Those that are open, rest, or were read before this process was started are where they were. If these are `all`
/// candidates, those that are not are looked for elsewhere.
fn find_by_identity(generations: &mut [Generation], candidates: &mut [&mut Candidate], follow: bool, all: bool) {
    for generation in generations {
        let Some(identity) = generation.identity else { continue };
        let candidate = candidates.iter_mut().find(|candidate| candidate.seen.may_be(identity, generation.born));
        if generation.source.is_some() {
            if let Some(candidate) = candidate {
                candidate.claimed = true;
            }
            continue;
        }
        match candidate {
            Some(candidate) if generation.rests && candidate.seen.size == generation.size => candidate.claimed = true,
            Some(candidate) if candidate.seen.size >= generation.offset || is_compressed(&candidate.path) => {
                let source = Source::open(&candidate.path, follow);
                match source.and_then(|mut source| Ok((generation.is_in(&mut source)?, source))) {
                    Ok((true, source)) => {
                        candidate.claimed = true;
                        generation.attach(&candidate.seen, source);
                    }
                    _ => generation.detach(),
                }
            }
            None if !all => {}
            _ => generation.detach(),
        }
    }
}

/// Those whose file was truncated, compressed, or copied to another volume are in another file now.
fn find_by_content(generations: &mut [Generation], candidates: &mut [&mut Candidate], around: &impl Surroundings) {
    for generation in generations.iter_mut().filter(|generation| generation.identity.is_none()) {
        if !generation.fingerprint.is_telling() {
            continue;
        }
        for candidate in candidates.iter_mut() {
            let too_short = candidate.seen.size < generation.offset && !is_compressed(&candidate.path);
            let was_there = generation.left == Some(candidate.seen.identity);
            if candidate.claimed || was_there || too_short || around.is_taken(candidate.seen.identity) {
                continue;
            }
            let Ok(mut source) = Source::open(&candidate.path, false) else { continue };
            if generation.is_in(&mut source).unwrap_or(false) {
                candidate.claimed = true;
                generation.attach(&candidate.seen, source);
                break;
            }
        }
    }
}

/// Those that are in no file any more.
fn forget_lost(generations: &mut Vec<Generation>, path: &Path, around: &mut impl Surroundings) {
    generations.retain(|generation| {
        if generation.identity.is_some() {
            return true;
        }
        let lost = generation.size.saturating_sub(generation.offset);
        if lost > 0 && generation.size != u64::MAX {
            message::warning(format_args!(
                "{} bytes of {} from offset {} on were truncated or removed before they could be read",
                lost,
                path.display(),
                generation.offset
            ));
            around.lost(lost);
        }
        // What was sent of it has yet to be acknowledged, but there is nothing left to go back to.
        false
    });
}

/// Files that came and were rotated while nobody looked: those modified `since` what was read last was, or later.
fn missed(
    generations: &mut Vec<Generation>,
    mut current: Option<&mut Generation>,
    rotated: &mut [Candidate],
    since: u64,
    around: &mut impl Surroundings,
) {
    // A copy of one that was empty until now can only be known for one when it is known what is copied.
    for generation in generations.iter_mut().chain(current.as_deref_mut()) {
        let _ = generation.look();
    }
    let is_new = |candidate: &&mut Candidate| {
        !candidate.claimed
            && candidate.seen.size > 0
            && candidate.seen.modified >= since
            && !around.is_taken(candidate.seen.identity)
    };
    let mut news: Vec<&mut Candidate> = rotated.iter_mut().filter(is_new).collect();
    news.sort_by_key(|candidate| candidate.seen.modified);
    for candidate in news {
        let Ok(mut source) = Source::open(&candidate.path, false) else { continue };
        // A copy that is being made is shorter than what has been read of the original.
        let size = if source.is_plain() { candidate.seen.size } else { u64::MAX };
        let mut known = generations.iter_mut().chain(current.as_deref_mut());
        if known.any(|generation| generation.is_copied_to(&mut source, size).unwrap_or(false)) {
            continue;
        }
        match Generation::new(around.number(), &candidate.seen, source, 0) {
            Ok(mut generation) => {
                if is_compressed(&candidate.path) {
                    generation.size = u64::MAX;
                }
                candidate.claimed = true;
                generations.push(generation);
            }
            Err(error) => message::warning(format_args!("cannot read {}: {error}", candidate.path.display())),
        }
    }
}
