//! A scenario from its first line to the count of what came.

use super::log::Log;
use super::scenario::{Event, Scenario};
use anyhow::{Context, Result};
use e2e::elasticsearch::{Fault, How, Numbers, Server, State, Verdict};
use e2e::launch::Launch;
use e2e::mounts::Tmpfs;
use e2e::process;
use e2e::shipper::{Place, Shipper, launch};
use nix::unistd::Pid;
use std::collections::HashSet;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long nothing may come while there is something to come.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two writes.
const TICK: Duration = Duration::from_millis(10);

/// What came of a scenario.
pub struct Outcome {
    name: &'static str,
    written: u64,
    /// Neither stored nor in the dead letters, although it could have been
    lost: u64,
    twice: u64,
    /// Not stored, since the writer's own truncation came before anyone could read them
    destroyed: u64,
    dead: u64,
    /// kB
    peak: u64,
    /// From the sink's return to the next document
    back: Option<Duration>,
    /// From the first line to the last document
    took: Duration,
    /// What it exited with at the end
    code: i32,
}

impl Outcome {
    pub const HEADER: &str = "scenario                            written    lost  stored twice  destroyed by the writer  \
                              dead letters  peak RSS  after the sink's return   took  exit";

    pub fn is_good(&self) -> bool {
        self.lost == 0 && self.twice == 0 && self.code == 0
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Self { name, written, lost, twice, destroyed, dead, peak, back, took, code } = self;
        let back = back.map_or("-".into(), |time| format!("{} ms", time.as_millis()));
        let took = format!("{} s", took.as_secs());
        let peak = format!("{}.{} MB", peak * 1024 / 1_000_000, peak * 1024 / 100_000 % 10);
        write!(
            f,
            "{name:<34} {written:>8} {lost:>7} {twice:>13} {destroyed:>24} {dead:>13} {peak:>9} {back:>24} {took:>6} {code:>5}"
        )
    }
}

/// Runs a scenario.
pub fn run(scenario: &Scenario) -> Result<Outcome> {
    let (server, place, memory) = (Server::start(), Place::new(), Tmpfs::new("size=32m"));
    server.with(|state| state.store.only_numbers = true);
    let logs = (0..scenario.logs).map(|number| Log::create(place.log(&format!("{number}.log"))));
    let logs: Arc<[Log]> = logs.collect::<Result<_>>()?;
    let start = || launch(&[&"--to", &server.url(), &"--state", &memory.path(), &place.log("*.log")]);
    let watch = Watch::start();
    let mut stage = Stage {
        server: &server,
        logs: &logs,
        hog: memory.path().join("hog"),
        start: &start,
        watch: &watch,
        shipper: None,
        up: None,
        back: None,
    };
    stage.begin();
    // What happens, happens to one that is at work.
    logs[0].append(0..1)?;
    server.until_stored(1);
    server.judge(judge(scenario.busy, scenario.conflict));
    let written = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let writer = write(logs.clone(), scenario.lines, scenario.rate, written.clone());
    let mut history = vec![];
    for (at, event) in &scenario.events {
        stage.wait(began + *at);
        history.push((*event, written.load(Ordering::Relaxed)));
        stage.happen(*event).with_context(|| format!("{event:?}"))?;
    }
    writer.join().expect("the writer does not panic")?;
    stage.recover()?;
    let letters = memory.path().join("dead-letters.ndjson");
    let destroyed: HashSet<u64> = logs.iter().flat_map(Log::destroyed).collect();
    if !scenario.stop_at_once {
        let gone = u64::try_from(destroyed.len())?;
        let came = |state: &State| state.store.numbers.seen() + state.store.refused.seen();
        let mut before = 0;
        while before + gone < scenario.lines && server.comes(PATIENCE, |state| came(state) > before) {
            before = server.with(|state| came(state));
        }
    }
    let ended = stage.shipper.take().expect("it runs").terminate_within(PATIENCE);
    if ended.code != 0 {
        eprintln!("{}", ended.stderr);
    }
    let dead = dead_letters(&fs::read_to_string(letters).unwrap_or_default());
    let (back, took) = (stage.back, began.elapsed());
    Ok(server.with(|state| {
        let missing = state.store.numbers.missing(scenario.lines).filter(|&number| dead.count(number) == 0);
        let (destroyed, lost): (Vec<_>, Vec<_>) = missing.partition(|number| destroyed.contains(number));
        if !lost.is_empty() {
            explain(&lost, scenario.logs, &history);
        }
        let count = |numbers: Vec<u64>| u64::try_from(numbers.len()).unwrap_or(u64::MAX);
        Outcome {
            name: scenario.name,
            written: written.load(Ordering::Relaxed),
            lost: count(lost),
            twice: state.store.numbers.extra(),
            destroyed: count(destroyed),
            dead: dead.seen(),
            peak: watch.peak(),
            back,
            took,
            code: ended.code,
        }
    }))
}

/// What was lost, log by log, and what happened at which line.
fn explain(lost: &[u64], logs: u64, history: &[(Event, u64)]) {
    for log in 0..logs {
        let lost: Vec<_> = lost.iter().copied().filter(|number| number % logs == log).collect();
        for range in lost.chunk_by(|one, next| one.abs_diff(*next) == logs) {
            eprintln!("lost of log {log}: {} lines from {} to {}", range.len(), range[0], range[range.len() - 1]);
        }
    }
    for (event, line) in history.iter().filter(|(event, _)| !matches!(event, Event::Rename(_) | Event::LoseAnswer)) {
        eprintln!("{event:?} at line {line}");
    }
}

/// Refuses so many of a hundred documents for now, and each one of so many for good.
fn judge(busy: u64, conflict: Option<u64>) -> impl FnMut(&e2e::elasticsearch::Item) -> Verdict + Send + 'static {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    move |item| {
        // xorshift: the same in each run
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        match item.number {
            _ if random % 100 < busy => Verdict::Busy,
            Some(number) if conflict.is_some_and(|each| number % each == each - 1) => Verdict::Conflict,
            _ => Verdict::Store,
        }
    }
}

/// Writes numbered lines to all logs in turn, until there are so many.
fn write(logs: Arc<[Log]>, count: u64, rate: Option<u64>, written: Arc<AtomicU64>) -> JoinHandle<Result<()>> {
    thread::spawn(move || {
        let width = u64::try_from(logs.len())?;
        let ticks = u64::try_from(Duration::from_secs(1).as_millis() / TICK.as_millis())?;
        let step = rate.map_or(count, |rate| rate / ticks);
        let start = Instant::now();
        for (tick, first) in (0..).zip((1..count).step_by(usize::try_from(step)?)) {
            if rate.is_some() {
                thread::sleep((start + TICK * tick).saturating_duration_since(Instant::now()));
            }
            let numbers = first..(first + step).min(count);
            for (log, turn) in logs.iter().zip(0..) {
                log.append(numbers.clone().filter(|number| number % width == turn))?;
            }
            written.store(numbers.end, Ordering::Relaxed);
        }
        Ok(())
    })
}

fn dead_letters(text: &str) -> Numbers {
    let mut numbers = Numbers::default();
    let number = |line: &str| line.split_once("n=")?.1.get(..8)?.parse::<u64>().ok();
    numbers.extend(text.lines().filter_map(number));
    numbers
}

/// What events happen to.
struct Stage<'a> {
    server: &'a Server,
    logs: &'a [Log],
    /// The file that fills the disk
    hog: std::path::PathBuf,
    start: &'a dyn Fn() -> Launch,
    watch: &'a Watch,
    shipper: Option<Shipper>,
    /// When the sink came back, and what it had then
    up: Option<(Instant, u64)>,
    back: Option<Duration>,
}

impl Stage<'_> {
    fn begin(&mut self) {
        let shipper = Shipper::start((self.start)());
        self.watch.pid.store(shipper.process().pid.as_raw(), Ordering::Relaxed);
        self.shipper = Some(shipper);
    }

    /// Until `time`, or a bit longer; if the sink has come back, until a document has, too.
    fn wait(&mut self, time: Instant) {
        self.until_back();
        thread::sleep(time.saturating_duration_since(Instant::now()));
    }

    fn until_back(&mut self) {
        if let Some((since, had)) = self.up.take()
            && self.server.comes(PATIENCE, |state| state.store.stored() > had)
        {
            self.back = self.back.max(Some(since.elapsed()));
        }
    }

    fn happen(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Rename(log) => self.logs[log].rename()?,
            Event::CopyAndTruncate(log) => self.logs[log].copy_and_truncate()?,
            Event::Kill => {
                self.shipper.take().expect("it runs").kill();
                self.begin();
            }
            Event::Restart => {
                self.shipper.take().expect("it runs").terminate_within(PATIENCE);
                self.begin();
            }
            Event::Down => self.server.down(),
            Event::Up => {
                self.up = Some((Instant::now(), self.server.with(|state| state.store.stored())));
                self.server.up();
            }
            // More than there is: what was written of it fills the disk.
            Event::Fill => drop(fs::write(&self.hog, vec![1; 33 << 20])),
            Event::Free => fs::remove_file(&self.hog)?,
            Event::LoseAnswer => self.server.next(1, Fault::after_storing(How::Close)),
        }
        Ok(())
    }

    /// All is well again, so that what was written can come.
    fn recover(&mut self) -> Result<()> {
        self.until_back();
        self.server.recover();
        if self.hog.exists() {
            fs::remove_file(&self.hog)?;
        }
        self.server.up();
        Ok(())
    }
}

/// Looks at the memory of the shipper that runs at the time.
struct Watch {
    pid: Arc<AtomicI32>,
    peak: Arc<AtomicU64>,
    done: Arc<AtomicBool>,
}

impl Watch {
    fn start() -> Self {
        let watch = Self { pid: Arc::default(), peak: Arc::default(), done: Arc::default() };
        let (pid, peak, done) = (watch.pid.clone(), watch.peak.clone(), watch.done.clone());
        thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                let pid = pid.load(Ordering::Relaxed);
                // Before it is log-shipper it is a copy of this one, with all that this one has.
                let name = || fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                if name().trim_end() == "log-shipper"
                    && let Some(now) = process::status(Pid::from_raw(pid), "VmHWM")
                {
                    peak.fetch_max(now, Ordering::Relaxed);
                }
                thread::sleep(TICK);
            }
        });
        watch
    }

    fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}
