//! A run of war-copy, and trees of files for it.

use e2e::launch::{Launch, pipe};
use e2e::process::Process;
use nix::sys::wait::WaitStatus;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// war-copy with these arguments, to be started.
pub fn launch(arguments: &[&dyn AsRef<OsStr>]) -> Launch {
    let program = Launch::new(&e2e::program("war-copy"));
    arguments.iter().fold(program, |launch, argument| launch.arg((*argument).as_ref().as_bytes()))
}

/// The same under the name of cp.
pub fn cp(arguments: &[&dyn AsRef<OsStr>]) -> Launch {
    launch(arguments).called("/bin/cp")
}

/// How a run ended, and all that it said.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stderr: String,
}

/// Runs it to its end.
pub fn run(launch: Launch) -> Ended {
    let (process, stderr) = spawn(launch);
    end(process, stderr)
}

/// Runs war-copy with these arguments, and expects it to succeed. Returns what it said.
pub fn put(arguments: &[&dyn AsRef<OsStr>]) -> String {
    succeed(launch(arguments))
}

/// Runs it, and expects it to succeed. Returns what it said.
pub fn succeed(launch: Launch) -> String {
    let ended = run(launch);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.stderr
}

/// Runs it, and expects it to fail with `code` and to say all of `words`.
pub fn refuse(launch: Launch, code: i32, words: &[&str]) -> String {
    let ended = run(launch);
    assert_eq!(ended.code, code, "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "it does not say `{word}`: {}", ended.stderr);
    }
    ended.stderr
}

/// Starts it with its stderr in a pipe.
pub fn spawn(launch: Launch) -> (Process, OwnedFd) {
    let (stderr, writer) = pipe().unwrap();
    (launch.redirected(2, writer).spawn().unwrap(), stderr)
}

/// Waits for its end.
pub fn end(mut process: Process, stderr: OwnedFd) -> Ended {
    let mut said = vec![];
    File::from(stderr).read_to_end(&mut said).unwrap();
    let WaitStatus::Exited(_, code) = process.wait() else { panic!("it was killed: {:?}", process.wait()) };
    Ended { code, stderr: String::from_utf8_lossy(&said).into_owned() }
}

/// Two directories, `from` and `to`, for a run to copy between.
pub struct Place {
    _home: tempfile::TempDir,
    pub from: PathBuf,
    pub to: PathBuf,
}

impl Place {
    /// Both empty, and anybody's to write.
    pub fn new() -> Self {
        Self::on(&std::env::temp_dir())
    }

    /// The same on the volume of a directory.
    pub fn on(volume: &Path) -> Self {
        let home = tempfile::tempdir_in(volume).unwrap();
        let [from, to] = ["from", "to"].map(|name| home.path().join(name));
        for directory in [&from, &to] {
            fs::create_dir(directory).unwrap();
            fs::set_permissions(directory, fs::Permissions::from_mode(0o777)).unwrap();
        }
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self { _home: home, from, to }
    }

    /// `from/.`, which stands for what is in it.
    pub fn contents(&self) -> PathBuf {
        PathBuf::from(OsStr::from_bytes(&[self.from.as_os_str().as_bytes(), b"/."].concat()))
    }
}

/// Writes a file, and makes the directories that it is in.
pub fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
}

/// What is in a directory and below: of a file what it holds, of a link where it leads, of others their kind; by
/// path. Attributes are not in it.
pub fn tree(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let (kind, name) = (entry.file_type().unwrap(), PathBuf::from(entry.file_name()));
        let holds = if kind.is_dir() {
            found.extend(tree(&entry.path()).into_iter().map(|(path, holds)| (name.join(path), holds)));
            b"directory".to_vec()
        } else if kind.is_symlink() {
            [b"-> ".to_vec(), fs::read_link(entry.path()).unwrap().into_os_string().into_vec()].concat()
        } else if kind.is_file() {
            fs::read(entry.path()).unwrap()
        } else {
            b"special".to_vec()
        };
        found.insert(name, holds);
    }
    found
}

/// Permissions, without the kind of file.
pub fn mode(path: impl AsRef<Path>) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// Inode, time of the last change of its bytes, and of anything of it: what does not change when nothing is done.
pub type Identity = (u64, i64, i64, i64, i64);

pub fn identity(path: impl AsRef<Path>) -> Identity {
    let found = fs::symlink_metadata(path).unwrap();
    (found.ino(), found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec())
}

/// Removes all that is in a directory.
pub fn clear(directory: &Path) {
    for name in names(directory) {
        let path = directory.join(name);
        fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)).unwrap();
    }
}

/// The names in a directory.
pub fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into()).collect();
    names.sort_unstable();
    names
}
