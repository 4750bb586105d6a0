//! Which engine was seen to do what: the table at the end of `make test-engines`. A test that saw a behaviour notes it,
//! and nothing else fills a cell.

use crate::{skip, workspace};
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;

/// What makes pods, in the order of the columns, and what stands above each; each version that was seen has its own.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Engine {
    Docker,
    #[serde(rename = "compose")]
    Compose,
    Podman,
    #[serde(rename = "pod create")]
    PodmanPod,
    #[serde(rename = "kube play")]
    PodmanKube,
    #[serde(rename = "containerd")]
    Containerd,
    #[serde(rename = "runc")]
    Runc,
    #[serde(rename = "unshare")]
    Unshare,
}

/// What a pod is promised, in the order of the rows, and what stands before each.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Behaviour {
    #[serde(rename = "containers serve each other")]
    ServeEachOther,
    #[serde(rename = "one IP, one MAC, the same devices")]
    ShareNetwork,
    #[serde(rename = "pause's net, ipc, pid namespaces")]
    PausesNamespaces,
    #[serde(rename = "2,000 orphans reaped, pause asleep")]
    ReapsAsleep,
    #[serde(rename = "a container replaced, pause stays")]
    Replaced,
    #[serde(rename = "SIGTERM to pause ends the pod")]
    EndsWithPause,
    #[serde(rename = "… and pause exits with 0")]
    ExitsWithZero,
    #[serde(rename = "each container PID 1 of its own")]
    PidContainer,
    #[serde(rename = "hostPID")]
    HostPid,
    #[serde(rename = "hostNetwork")]
    HostNetwork,
    #[serde(rename = "hostPort")]
    HostPort,
    #[serde(rename = "pause is 65535:65535")]
    ImagesUser,
    #[serde(rename = "pause is the pod's runAsUser")]
    PodsUser,
    #[serde(rename = "under a seccomp profile")]
    Seccomp,
    #[serde(rename = "read-only root, no capability")]
    Restricted,
    #[serde(rename = "pulled by digest")]
    ByDigest,
    #[serde(rename = "a signature required by policy")]
    Signed,
    #[serde(rename = "fifty pods at once")]
    Fifty,
    #[serde(rename = "a removed pod leaves nothing")]
    NothingLeft,
}

/// A line in the file of notes.
#[derive(Serialize, Deserialize)]
struct Note {
    engine: Engine,
    note: Kind,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Saw { version: String, behaviour: Behaviour, kept: bool },
    Skipped { why: String },
}

/// An engine as it is here, and a column that is being filled.
pub struct Column {
    engine: Engine,
    version: String,
}

impl Column {
    /// `version` is what the engine itself says.
    pub fn new(engine: Engine, version: &str) -> Self {
        Self { engine, version: version.into() }
    }

    /// Notes that a test saw it, at the very end of that test or of what it looks at.
    ///
    /// # Panics
    /// If the note cannot be written.
    pub fn saw(&self, behaviour: Behaviour) {
        self.looked(behaviour, true);
    }

    /// Notes that a test looked, and whether it saw what pods are promised or what this engine is known to do instead.
    ///
    /// # Panics
    /// As [`Self::saw`].
    pub fn looked(&self, behaviour: Behaviour, kept: bool) {
        add(&Note { engine: self.engine, note: Kind::Saw { version: self.version.clone(), behaviour, kept } });
    }
}

/// [`skip`]s a test, and notes why that engine's column stays empty.
///
/// # Panics
/// As [`skip`], or if the note cannot be written.
pub fn skip_engine(engine: Engine, why: &str) {
    add(&Note { engine, note: Kind::Skipped { why: why.into() } });
    skip(why);
}

/// One write to a file opened for appending: tests and their processes run at the same time.
fn add(note: &Note) {
    let directory = workspace("target/matrix");
    let line = serde_json::to_string(note).expect("a note is JSON") + "\n";
    fs::create_dir_all(&directory).expect("target is writable");
    let mut file = File::options().create(true).append(true).open(directory.join("notes")).expect("and what is in it");
    file.write_all(line.as_bytes()).expect("the note is written");
}

/// All that was noted since `make test-engines` began, as a table.
///
/// # Errors
/// If of an engine there is no note: its tests did not run.
pub fn table() -> Result<String> {
    let notes = fs::read_to_string(workspace("target/matrix/notes")).context("no engine's tests ran")?;
    let notes = notes.lines().map(serde_json::from_str).collect::<Result<Vec<Note>, _>>()?;
    let mut columns = vec![vec![String::new(); 2]];
    columns[0].extend(Behaviour::value_variants().iter().map(label));
    let mut legend = String::from("yes, no: a test saw in this run that it is so, or not; –: not tried there\n");
    for engine in Engine::value_variants() {
        let (mut versions, mut skipped) = (BTreeMap::<_, Vec<_>>::new(), BTreeSet::new());
        for note in notes.iter().filter(|note| note.engine == *engine) {
            match &note.note {
                Kind::Saw { version, behaviour, kept } => {
                    versions.entry(version.as_str()).or_default().push((*behaviour, *kept));
                }
                Kind::Skipped { why } => drop(skipped.insert(why)),
            }
        }
        ensure!(!versions.is_empty() || !skipped.is_empty(), "{}: none of its tests ran", label(engine));
        for why in &skipped {
            writeln!(legend, "{} skipped: {why}", label(engine))?;
        }
        let otherwise = if skipped.is_empty() { "–" } else { "skipped" };
        if versions.is_empty() {
            versions.insert("", vec![]);
        }
        for (version, seen) in versions {
            let cell = |of: &Behaviour| match seen.iter().find(|(behaviour, _)| behaviour == of) {
                Some((_, true)) => "yes",
                Some((_, false)) => "no",
                None => otherwise,
            };
            let mut column = vec![label(engine), version.into()];
            column.extend(Behaviour::value_variants().iter().map(cell).map(Into::into));
            columns.push(column);
        }
    }
    Ok(format!("{}\n{legend}", aligned(&columns)))
}

/// As its `serde` name has it.
fn label(of: &impl Serialize) -> String {
    let name = serde_json::to_value(of).expect("a variant without fields");
    name.as_str().expect("its name").into()
}

fn aligned(columns: &[Vec<String>]) -> String {
    let width = |column: &Vec<String>| column.iter().map(|cell| cell.chars().count()).max().unwrap_or_default();
    let cell = |row: usize, column: &Vec<String>| format!("{:<1$}", column[row], width(column));
    let line = |row| columns.iter().map(|column| cell(row, column)).collect::<Vec<_>>().join("  ");
    (0..columns[0].len()).map(|row| line(row).trim_end().to_string() + "\n").collect()
}
