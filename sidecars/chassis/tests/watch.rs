//! Files that change in all the ways in which files of configuration do.

mod child;

use chassis::service;
use chassis::watch::Watch;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::{self, File};
use std::future::Future;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(20);

fn test<F: Future<Output = ()>>(body: impl FnOnce(TempDir) -> F) {
    let directory = tempfile::tempdir().unwrap();
    service::run(async {
        body(directory).await;
        Ok(())
    })
    .unwrap();
}

fn watch(paths: &[&Path]) -> Watch {
    Watch::new(paths.iter().map(PathBuf::from).collect()).unwrap()
}

/// Well before it would be found by looking every 10 s.
async fn told(watch: &mut Watch) {
    timeout(Duration::from_secs(9), watch.changed()).await.expect("nobody was told");
}

/// What happens is known when the call that makes it happen returns, and told when it has been quiet for 100 ms.
async fn not_told(watch: &mut Watch) {
    assert!(timeout(Duration::from_millis(400), watch.changed()).await.is_err(), "something else was told");
}

/// What kubelet does, in its order: `pkg/volume/util/atomic_writer.go`.
fn kubelet_puts(volume: &Path, version: &str, name: &str, content: &str) {
    let old = fs::read_link(volume.join("..data")).ok();
    let dated = format!("..{version}");
    fs::create_dir(volume.join(&dated)).unwrap();
    fs::write(volume.join(&dated).join(name), content).unwrap();
    symlink(&dated, volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    if !volume.join(name).is_symlink() {
        symlink(Path::new("..data").join(name), volume.join(name)).unwrap();
    }
    if let Some(old) = old {
        fs::remove_dir_all(volume.join(old)).unwrap();
    }
}

#[test]
fn config_maps() {
    test(|directory| async move {
        let volume = directory.path();
        kubelet_puts(volume, "2026_11_21_18_03_02.1", "app.yaml", "1");
        let path = volume.join("app.yaml");
        let mut watch = watch(&[&path]);
        not_told(&mut watch).await;
        for version in 2..6 {
            kubelet_puts(volume, &format!("2026_11_21_18_03_02.{version}"), "app.yaml", &version.to_string());
            told(&mut watch).await;
            assert_eq!(fs::read_to_string(&path).unwrap(), version.to_string());
            not_told(&mut watch).await;
        }
        // kubelet looks at its volumes every minute and changes nothing.
        fs::write(volume.join("..data_tmp_else"), "").unwrap();
        not_told(&mut watch).await;
    });
}

/// The volume is mounted somewhere else, and links lead there, one of them with `..` in it.
#[test]
fn links_on_the_way() {
    test(|directory| async move {
        let root = directory.path();
        for name in ["volume", "etc/app", "etc/other"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        kubelet_puts(&root.join("volume"), "1", "app.yaml", "1");
        symlink("../../volume/./app.yaml", root.join("etc/app/app.yaml")).unwrap();
        symlink(root.join("etc/app"), root.join("current")).unwrap();
        let mut watch = watch(&[&root.join("current/app.yaml")]);
        not_told(&mut watch).await;
        kubelet_puts(&root.join("volume"), "2", "app.yaml", "2");
        told(&mut watch).await;
        // A link in the middle leads elsewhere, to a file that is not there yet.
        symlink(root.join("etc/other"), root.join("new")).unwrap();
        fs::rename(root.join("new"), root.join("current")).unwrap();
        told(&mut watch).await;
        fs::write(root.join("etc/other/app.yaml"), "3").unwrap();
        told(&mut watch).await;
        // Where it led before is nobody's business any more.
        kubelet_puts(&root.join("volume"), "4", "app.yaml", "4");
        not_told(&mut watch).await;
    });
}

#[test]
fn editors() {
    test(|directory| async move {
        let path = directory.path().join("app.yaml");
        fs::write(&path, "1").unwrap();
        fs::write(directory.path().join("other"), "1").unwrap();
        let mut watch = watch(&[&path]);
        fs::write(&path, "2").unwrap(); // in place
        told(&mut watch).await;
        fs::write(directory.path().join(".app.yaml.swp"), "3").unwrap();
        not_told(&mut watch).await;
        fs::rename(directory.path().join(".app.yaml.swp"), &path).unwrap();
        told(&mut watch).await;
        fs::write(directory.path().join("other"), "2").unwrap();
        fs::read(&path).unwrap();
        not_told(&mut watch).await;
        fs::remove_file(&path).unwrap();
        told(&mut watch).await;
        fs::write(&path, "4").unwrap();
        told(&mut watch).await;
    });
}

/// A bind mount of a file alone shows the file and nothing of the directory in which it is written. So does a link.
#[test]
fn files_with_other_names() {
    test(|directory| async move {
        let (here, there) = (directory.path().join("here"), directory.path().join("there"));
        fs::create_dir(&here).unwrap();
        fs::create_dir(&there).unwrap();
        fs::write(there.join("a"), "1").unwrap();
        fs::hard_link(there.join("a"), here.join("a")).unwrap();
        let mut watch = watch(&[&here.join("a")]);
        not_told(&mut watch).await;
        fs::write(there.join("a"), "2").unwrap();
        told(&mut watch).await;
    });
}

#[test]
fn what_is_not_there_yet() {
    test(|directory| async move {
        let path = directory.path().join("a/b/c/app.yaml");
        let mut watch = watch(&[&path]);
        not_told(&mut watch).await;
        for parent in ["a", "a/b", "a/b/c"] {
            fs::create_dir(directory.path().join(parent)).unwrap();
            told(&mut watch).await;
        }
        fs::write(&path, "1").unwrap();
        told(&mut watch).await;
        not_told(&mut watch).await;
        // A directory on the way makes place for another one.
        fs::create_dir_all(directory.path().join("new/c")).unwrap();
        fs::write(directory.path().join("new/c/app.yaml"), "2").unwrap();
        not_told(&mut watch).await;
        fs::rename(directory.path().join("a/b"), directory.path().join("old")).unwrap();
        fs::rename(directory.path().join("new"), directory.path().join("a/b")).unwrap();
        told(&mut watch).await;
        fs::write(&path, "3").unwrap();
        told(&mut watch).await;
        fs::remove_dir_all(directory.path().join("a")).unwrap();
        told(&mut watch).await;
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        told(&mut watch).await;
    });
}

#[test]
fn directories_and_several_paths() {
    test(|directory| async move {
        let (podinfo, path) = (directory.path().join("podinfo"), directory.path().join("app.yaml"));
        fs::create_dir(&podinfo).unwrap();
        let mut watch = watch(&[&podinfo, &path]);
        not_told(&mut watch).await;
        fs::write(podinfo.join("labels"), "a=\"b\"").unwrap();
        told(&mut watch).await;
        fs::write(&path, "1").unwrap();
        told(&mut watch).await;
    });
}

#[test]
fn links_that_lead_nowhere() {
    test(|directory| async move {
        let path = directory.path().join("loop");
        symlink("loop", &path).unwrap();
        let mut watch = watch(&[&path, Path::new("/proc/self/no/such"), Path::new("/")]);
        fs::remove_file(&path).unwrap();
        told(&mut watch).await;
        assert!(Watch::new(vec![PathBuf::new()]).is_err());
    });
}

/// Many changes are one, and one that never ends is told all the same.
#[test]
fn quiet_and_patience() {
    test(|directory| async move {
        let path = directory.path().join("app.yaml");
        let mut watch = watch(&[&path]);
        for _ in 0..100 {
            fs::write(&path, "1").unwrap();
        }
        told(&mut watch).await;
        not_told(&mut watch).await;
        let writing = async {
            let mut file = File::create(&path).unwrap();
            loop {
                file.write_all(b"x").unwrap();
                drop(File::options().append(true).open(&path).unwrap());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = writing => {}
            () = told(&mut watch) => {}
        }
    });
}

/// In a `select!` it is dropped whenever something else was first.
#[test]
fn dropped_and_asked_again() {
    test(|directory| async move {
        let path = directory.path().join("app.yaml");
        let mut watch = watch(&[&path]);
        fs::write(&path, "1").unwrap();
        let asking = async {
            // Each time it is dropped long before it has been quiet for long enough.
            while timeout(Duration::from_millis(5), watch.changed()).await.is_err() {}
        };
        timeout(LIMIT, asking).await.expect("it has begun anew each time");
        not_told(&mut watch).await;
    });
}

/// Where inotify cannot be had, it looks every 10 s.
#[test]
fn without_inotify() {
    const NAME: &str = "without_inotify";
    if !child::is(NAME) {
        return child::succeeds(&child::run(NAME, ":"));
    }
    test(|directory| async move {
        let path = directory.path().join("app.yaml");
        // The next descriptor is one too many.
        let next = File::open("/").map(|file| std::os::fd::AsRawFd::as_raw_fd(&file)).unwrap();
        let limit = getrlimit(Resource::Nofile);
        let lower = Rlimit { current: u64::try_from(next).ok(), ..limit };
        setrlimit(Resource::Nofile, lower).unwrap();
        assert!(File::open("/").is_err());
        let mut watch = watch(&[&path]);
        symlink("elsewhere", &path).unwrap(); // takes no descriptor, and leads nowhere
        symlink(".", directory.path().join("elsewhere")).unwrap();
        assert!(timeout(Duration::from_secs(1), watch.changed()).await.is_err(), "who has told?");
        // It is told again as soon as that is possible, which is found out when it looks.
        setrlimit(Resource::Nofile, limit).unwrap();
        let asking = async { while timeout(Duration::from_millis(500), watch.changed()).await.is_err() {} };
        timeout(LIMIT, asking).await.expect("nobody has looked");
        fs::remove_file(&path).unwrap();
        told(&mut watch).await;
    });
}
