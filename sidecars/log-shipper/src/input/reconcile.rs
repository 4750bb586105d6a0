//! What became of a log's files: which was renamed, copied, truncated, removed, and which is new.

use crate::input::generation::Generation;
use crate::input::identity::Seen;
use crate::input::log::Log;
use crate::input::names::is_compressed;
use crate::input::siblings::{Candidate, PATIENCE, is_ours, is_stale, siblings, stale};
use crate::input::source::Source;
use chassis::message;
use std::io;
use std::path::Path;

/// What the other logs and the whole program have to do with it.
pub trait Surroundings {
    /// Whether a file is read for another log
    fn is_taken(&mut self, seen: &Seen) -> bool;
    /// For a new generation
    fn number(&mut self) -> u64;
    /// A generation is in no file any more, of which so many bytes have not been read
    fn lost(&mut self, generation: &Generation, bytes: u64);
    /// A file of the log is there, but not to be read for now
    fn cannot_open(&mut self, path: &Path, error: io::Error);
}

/// Sets the generations of `log` right. `leads` is whether its path leads to a file now. A log that begins `at_end` is
/// one that was there before there was a shipper, and is not to be shipped from its start.
///
/// # Errors
/// When the live file cannot be read, and when the names of its files change all the time.
pub fn reconcile(log: &mut Log, leads: bool, at_end: bool, around: &mut impl Surroundings) -> io::Result<()> {
    for _ in 0..PATIENCE {
        match attempt(log, leads, at_end, around) {
            Err(error) if is_stale(&error) => {}
            result => return result,
        }
    }
    Err(io::Error::other("its files are renamed all the time"))
}

/// # Errors
/// As [`reconcile`]; [`is_stale`] when files were renamed meanwhile, which has changed nothing that would be wrong.
fn attempt(log: &mut Log, leads: bool, at_end: bool, around: &mut impl Surroundings) -> io::Result<()> {
    let path = log.target.clone().unwrap_or_else(|| log.path.to_path_buf());
    let follow = log.target.is_none();
    let mut live = if leads { Candidate::at(&path) } else { None };
    // Opened first: if that fails, nothing has changed.
    let mut fresh = None;
    if let Some(live) = &mut live
        && !log.generations.iter().any(|one| one.identity == Some(live.seen.identity) && one.source.is_some())
    {
        let source = live.open(follow)?;
        if let Some(found) = source.file().and_then(|file| file.metadata().ok()) {
            live.seen = Seen::new(&found);
        }
        fresh = Some(source);
    }
    let mut generations: Vec<Generation> = log.generations.drain(..).collect();
    let result = sort_out(&mut generations, live, fresh, log, &path, at_end, around);
    log.generations = generations.into();
    // There may be ten thousand logs.
    log.generations.shrink_to_fit();
    log.current = 0;
    while log.current + 1 < log.generations.len() && log.generations[log.current].all_read() {
        log.current += 1;
    }
    log.live = result?;
    Ok(())
}

/// Sets `generations` right, oldest first. Returns whether the last one is in the `live` file, which was opened afresh if
/// none of them had it open.
///
/// # Errors
/// When the live file cannot be read; [`is_stale`].
fn sort_out(
    generations: &mut Vec<Generation>,
    mut live: Option<Candidate>,
    fresh: Option<Source>,
    log: &mut Log,
    path: &Path,
    at_end: bool,
    around: &mut impl Surroundings,
) -> io::Result<bool> {
    let known = !generations.is_empty();
    // Before they are looked at: one that was at the path may have been written to when others had been rotated already,
    // and what was truncated is found in a copy, which may be older than what was written then.
    let modified: Vec<u64> = generations.iter().map(|one| one.modified).collect();
    generations.iter_mut().for_each(Generation::refresh);
    let mut rotated = find(generations, live.as_mut(), log, path, around)?;
    let live = live.map(|live| live.seen);
    let is_live = |one: &Generation| live.is_some_and(|live| one.identity == Some(live.identity));
    // Also one that is in no file any more tells up to when the log has been seen.
    let old = generations.iter().zip(&modified).filter(|(one, _)| !is_live(one));
    log.since = log.since.or(old.map(|(one, before)| one.modified.min(*before)).max());
    let (news, mut all) = match log.since.filter(|_| known) {
        Some(since) => missed(&mut rotated, path, since, around)?,
        None => (vec![], true),
    };
    forget_lost(generations, &log.path, around);

    // The live file, unless it is one of them.
    let mut current = match (generations.iter().position(is_live), live, fresh) {
        (Some(at), ..) => Some(generations.remove(at)),
        (None, Some(seen), Some(source)) if !around.is_taken(&seen) => {
            let offset = if at_end { seen.size } else { 0 };
            Some(Generation::new(around.number(), &seen, source, offset)?)
        }
        _ => None,
    };
    // After the live one: a copy of it that is being made is none that was missed.
    all &= take_up(generations, current.as_mut(), news, around);
    let is_live = current.is_some();
    generations.extend(current);
    // Whatever is there now is known for what it is, and what comes is younger than all of them are.
    if all && log.since.is_some() {
        log.since = generations.iter().map(|one| one.modified).max();
    }
    Ok(is_live)
}

/// Finds the files of `generations`, which are those of `log`. Returns those that may have been the log before, if any had
/// to be looked at.
///
/// # Errors
/// [`is_stale`] when files were renamed meanwhile.
fn find(
    generations: &mut [Generation],
    mut live: Option<&mut Candidate>,
    log: &Log,
    path: &Path,
    around: &mut impl Surroundings,
) -> io::Result<Vec<Candidate>> {
    let follow = log.target.is_none();
    find_by_identity(generations, &mut live.as_deref_mut().into_iter().collect::<Vec<_>>(), follow, false, around)?;
    // A directory may have ten thousand files, and nearly always there is no need to look at it.
    let found = live.iter().filter(|live| live.claimed).count();
    if generations.len() == found && !log.unread {
        return Ok(vec![]);
    }
    let mut rotated = siblings(path)?;
    let identity = |live: &Candidate| live.seen.identity;
    if live.as_deref().map(identity)
        != live.as_deref().and_then(|live| Candidate::at(&live.path)).as_ref().map(identity)
    {
        return Err(stale());
    }
    let mut former = former(generations, path)?;
    former.retain(|one| {
        !live.iter().map(|live| &**live).chain(&rotated).any(|other| one.seen.identity == other.seen.identity)
    });
    let mut all: Vec<&mut Candidate> = live.into_iter().chain(rotated.iter_mut()).chain(former.iter_mut()).collect();
    find_by_identity(generations, &mut all, follow, true, around)?;
    find_by_content(generations, &mut all, around)?;
    Ok(rotated)
}

/// Files that are not beside the log, since its path led elsewhere when they were there.
///
/// # Errors
/// [`is_stale`] when files were renamed meanwhile.
fn former(generations: &[Generation], path: &Path) -> io::Result<Vec<Candidate>> {
    let closed = generations.iter().filter(|generation| generation.source.is_none());
    let mut places: Vec<&Path> = closed.filter_map(|generation| generation.place.as_deref()).collect();
    places.sort_unstable();
    places.dedup();
    let mut former = vec![];
    for place in places.into_iter().filter(|place| *place != path) {
        former.extend(Candidate::at(place));
        former.extend(siblings(place)?);
    }
    Ok(former)
}

/// Those that are open, rest, or were read before this process was started are where they were. If these are `all`
/// candidates, those that are not are looked for elsewhere.
///
/// # Errors
/// [`is_stale`] when files were renamed meanwhile.
fn find_by_identity(
    generations: &mut [Generation],
    candidates: &mut [&mut Candidate],
    follow: bool,
    all: bool,
    around: &mut impl Surroundings,
) -> io::Result<()> {
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
            Some(candidate) if generation.rests == Some(candidate.seen.size) => candidate.claimed = true,
            Some(candidate) if candidate.seen.size >= generation.offset || is_compressed(&candidate.path) => {
                let source = candidate.open(follow);
                match source.and_then(|mut source| Ok((generation.is_in(&mut source)?, source))) {
                    Ok((true, source)) => {
                        candidate.claimed = true;
                        generation.attach(&candidate.seen, source);
                    }
                    Ok((false, _)) => generation.detach(),
                    Err(error) if is_stale(&error) || is_ours(&error) => return Err(error),
                    // It is there, and it may be possible later.
                    Err(error) => {
                        candidate.claimed = true;
                        around.cannot_open(&candidate.path, error);
                    }
                }
            }
            None if !all => {}
            _ => generation.detach(),
        }
    }
    Ok(())
}

/// Those whose file was truncated, compressed, or copied to another volume are in another file now.
///
/// # Errors
/// [`is_stale`] when files were renamed meanwhile.
fn find_by_content(
    generations: &mut [Generation],
    candidates: &mut [&mut Candidate],
    around: &mut impl Surroundings,
) -> io::Result<()> {
    for generation in generations.iter_mut().filter(|generation| generation.identity.is_none()) {
        for candidate in candidates.iter_mut() {
            let too_short = candidate.seen.size < generation.offset && !is_compressed(&candidate.path);
            let was_there = generation.left == Some(candidate.seen.identity);
            if candidate.claimed || was_there || too_short || around.is_taken(&candidate.seen) {
                continue;
            }
            let mut source = match candidate.open(false) {
                Ok(source) => source,
                Err(error) if is_stale(&error) || is_ours(&error) => return Err(error),
                Err(_) => continue,
            };
            if generation.went_to(&mut source, &candidate.seen).unwrap_or(false) {
                candidate.claimed = true;
                // Of one that was open until nobody wrote to it any more, the end is known.
                if generation.all_shipped() && !generation.linked {
                    generation.rest_in(&candidate.seen);
                } else {
                    generation.attach(&candidate.seen, source);
                }
                break;
            }
        }
    }
    Ok(())
}

/// Those that are in no file any more.
fn forget_lost(generations: &mut Vec<Generation>, path: &Path, around: &mut impl Surroundings) {
    generations.retain(|generation| {
        if generation.identity.is_some() {
            return true;
        }
        let unread = generation.size.saturating_sub(generation.offset);
        let lost = if generation.size == u64::MAX { 0 } else { unread };
        if lost > 0 {
            message::warning(format_args!(
                "{} bytes of {} from offset {} on were truncated or removed before they could be read",
                lost,
                path.display(),
                generation.offset
            ));
        }
        // What was sent of it may have yet to be acknowledged, and then there is nothing left to go back to.
        around.lost(generation, lost);
        false
    });
}

/// Files that came and were rotated while nobody looked: those modified `since` what was read last was, or later.
/// Oldest first, as far as one can tell; and whether these are all.
///
/// # Errors
/// [`is_stale`] when files were renamed meanwhile.
fn missed<'a>(
    rotated: &'a mut [Candidate],
    path: &Path,
    since: u64,
    around: &mut impl Surroundings,
) -> io::Result<(Vec<(&'a mut Candidate, Source)>, bool)> {
    let is_new =
        |candidate: &&mut Candidate| !candidate.claimed && candidate.seen.size > 0 && candidate.seen.modified >= since;
    let news: Vec<&mut Candidate> = rotated.iter_mut().filter(is_new).collect();
    let count = news.len();
    let mut news: Vec<&mut Candidate> = news.into_iter().filter(|one| !around.is_taken(&one.seen)).collect();
    let base = path.file_name().unwrap_or_default();
    news.sort_by_cached_key(|candidate| candidate.age(base));
    let mut opened = vec![];
    for candidate in news {
        match candidate.open(false) {
            Ok(source) => opened.push((candidate, source)),
            Err(error) if is_stale(&error) || is_ours(&error) => return Err(error),
            Err(error) => around.cannot_open(&candidate.path, error),
        }
    }
    let all = opened.len() == count;
    Ok((opened, all))
}

/// Begins with files that were missed, unless they are copies of others. Returns whether all could be read.
fn take_up(
    generations: &mut Vec<Generation>,
    mut current: Option<&mut Generation>,
    news: Vec<(&mut Candidate, Source)>,
    around: &mut impl Surroundings,
) -> bool {
    // A copy of one that was empty until now can only be known for one when it is known what is copied.
    for generation in generations.iter_mut().chain(current.as_deref_mut()) {
        let _ = generation.look();
    }
    let mut all = true;
    for (candidate, mut source) in news {
        let mut known = generations.iter_mut().chain(current.as_deref_mut());
        if known.any(|generation| generation.is_copied_to(&mut source, &candidate.seen).unwrap_or(false)) {
            continue;
        }
        match Generation::new(around.number(), &candidate.seen, source, 0) {
            Ok(mut generation) => {
                if is_compressed(&candidate.path) {
                    generation.size = u64::MAX;
                }
                generations.push(generation);
            }
            Err(error) => {
                around.cannot_open(&candidate.path, error);
                all = false;
            }
        }
    }
    all
}
