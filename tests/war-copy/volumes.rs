//! Volumes as they may be: another file system, read-only, full, missing, a mount point inside.

use crate::run::{Place, clear, identity, launch, names, put, refuse, tree, write};
use e2e::mounts::Tmpfs;
use e2e::trace::Traced;
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::wait::WaitStatus;
use std::fs;
use std::path::PathBuf;

#[test]
fn from_and_to_another_file_system() {
    if !e2e::is_root() {
        return;
    }
    let (place, memory) = (Place::new(), Tmpfs::new("size=16m"));
    write(place.from.join("a.war"), "a".repeat(1_000_000));
    write(place.from.join("site/x"), "x");
    for option in ["--verbose", "--no-verify"] {
        put(&[&option, &place.contents(), &memory.path()]);
        assert!(tree(memory.path()) == tree(&place.from));
        let back = PathBuf::from(format!("{}/.", memory.path().display()));
        put(&[&option, &back, &place.to]);
        assert!(tree(&place.to) == tree(&place.from));
        clear(&place.to);
        clear(memory.path());
    }
}

/// DEST is a mount point itself, as the volume of a pod is, and stays it.
#[test]
fn dest_stays_what_it_is() {
    if !e2e::is_root() {
        return;
    }
    let (place, memory) = (Place::new(), Tmpfs::new("size=1m"));
    write(place.from.join("site/x"), "new");
    let before = identity(memory.path()).0;
    put(&[&place.contents(), &memory.path()]);
    put(&[&"--preserve", &place.contents(), &memory.path()]);
    assert_eq!(identity(memory.path()).0, before);
}

#[test]
fn a_mount_point_in_dest_is_only_merged_into() {
    if !e2e::is_root() {
        return;
    }
    let (place, memory) = (Place::new(), Tmpfs::new("size=1m"));
    write(place.from.join("conf/x"), "new");
    let conf = memory.path().join("conf");
    fs::create_dir(&conf).unwrap();
    fs::create_dir(memory.path().join("other")).unwrap();
    write(memory.path().join("other/theirs"), "theirs");
    let none = None::<&str>;
    mount(Some(&memory.path().join("other")), &conf, none, MsFlags::MS_BIND, none).unwrap();
    refuse(launch(&[&place.contents(), &memory.path()]), 1, &["cannot replace", "mount point", "on its own"]);
    assert_eq!((names(memory.path()), names(&conf)), (vec!["conf".into(), "other".into()], vec!["theirs".into()]));
    // A rename leads to no other mount, be it the same file system.
    refuse(launch(&[&"--merge", &place.contents(), &memory.path()]), 1, &["on another volume than DEST"]);
    put(&[&PathBuf::from(format!("{}/conf/.", place.from.display())), &conf]);
    assert_eq!(names(&conf), ["theirs", "x"]);
}

#[test]
fn what_cannot_be_replaced_keeps_all_of_it_out() {
    if !e2e::is_root() {
        return;
    }
    let (place, memory) = (Place::new(), Tmpfs::new("size=1m"));
    let none = None::<&str>;
    write(place.from.join("a.war"), "new");
    write(place.from.join("b.war"), "new");
    write(place.from.join("site/x"), "new");
    // A volume of its own, a directory of the same one, and a file, as a ConfigMap's by subPath.
    for (mounted, kind) in [("site", Some("tmpfs")), ("site", None), ("b.war", None)] {
        clear(memory.path());
        write(memory.path().join("a.war"), "old");
        write(memory.path().join("b.war"), "old");
        write(memory.path().join("site/x"), "old");
        let (at, flags) =
            (memory.path().join(mounted), if kind.is_some() { MsFlags::empty() } else { MsFlags::MS_BIND });
        mount(Some(&at), &at, kind, flags, none).unwrap();
        let before = tree(memory.path());
        refuse(launch(&[&place.contents(), &memory.path()]), 1, &["cannot replace", mounted, "mount point"]);
        assert_eq!(tree(memory.path()), before, "{mounted} {kind:?}");
        umount2(&at, MntFlags::MNT_DETACH).unwrap();
    }
}

#[test]
fn read_only_it_is_an_error_unless_it_is_right() {
    if !e2e::is_root() {
        return;
    }
    let (place, memory) = (Place::new(), Tmpfs::new("size=1m"));
    write(place.from.join("a.war"), "new");
    put(&[&place.contents(), &memory.path()]);
    memory.make_read_only();
    assert!(put(&[&place.contents(), &memory.path()]).contains("nothing to do"));
    write(place.from.join("a.war"), "newer");
    refuse(launch(&[&place.contents(), &memory.path()]), 1, &["cannot write in", "Read-only file system"]);
}

#[test]
fn a_directory_of_others_is_an_error() {
    if !e2e::is_root() {
        return;
    }
    let place = Place::new();
    write(place.from.join("a.war"), "new");
    fs::set_permissions(&place.to, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let launch = launch(&[&place.contents(), &place.to]).as_user(65532, 65532, None);
    refuse(launch, 1, &["cannot write in", "Permission denied"]);
}

#[test]
fn too_small_it_is_refused_before_anything_is_written() {
    if !e2e::is_root() {
        return;
    }
    let (place, memory) = (Place::new(), Tmpfs::new("size=1m"));
    write(place.from.join("a.war"), "new".repeat(200_000));
    write(memory.path().join("a.war"), "old".repeat(200_000));
    let before = identity(memory.path());
    let said = refuse(launch(&[&place.contents(), &memory.path()]), 1, &["600.0 kB are needed", "nothing was changed"]);
    assert!(said.contains("hint: what is replaced stays until the new is whole"), "{said}");
    assert_eq!(identity(memory.path()), before);
    assert_eq!(fs::metadata(memory.path().join("a.war")).unwrap().len(), 600_000);
}

/// Also what is below, and more in one directory than are looked at in one go.
#[test]
fn all_of_a_directory_is_counted() {
    if !e2e::is_root() {
        return;
    }
    let (place, memory) = (Place::new(), Tmpfs::new("size=1m"));
    for number in 0..300 {
        write(place.from.join("site").join(number.to_string()), "x".repeat(4_000));
    }
    write(place.from.join("site/below/it/all"), "y".repeat(100_000));
    refuse(launch(&[&place.contents(), &memory.path()]), 1, &["1.3 MB are needed", "nothing was changed"]);
    assert!(names(memory.path()).is_empty());
}

#[test]
fn without_inodes_too() {
    if !e2e::is_root() {
        return;
    }
    let (place, memory) = (Place::new(), Tmpfs::new("size=1m,nr_inodes=20"));
    for number in 0..20 {
        write(place.from.join("site").join(number.to_string()), "");
    }
    refuse(launch(&[&place.contents(), &memory.path()]), 1, &["21 inodes are needed", "nothing was changed"]);
    assert!(names(memory.path()).is_empty());
}

/// Full in the middle, since somebody else has taken what was free.
#[test]
fn a_volume_that_fills_up_leaves_what_was_there() {
    if !e2e::is_root() {
        return;
    }
    for inodes in [false, true] {
        let (place, memory) = (Place::new(), Tmpfs::new("size=1m,nr_inodes=40"));
        for number in 0..10 {
            write(place.from.join("site").join(number.to_string()), "new".repeat(10_000));
        }
        write(memory.path().join("site/1"), "old");
        let (stderr, writer) = e2e::launch::pipe().unwrap();
        let mut traced = Traced::start(launch(&[&place.contents(), &memory.path()]).redirected(2, writer));
        traced.until("it has begun", |_, stop| stop.call.number == libc::SYS_mkdirat && stop.returned.is_some());
        let hog = memory.path().join("hog");
        let full = if inodes {
            fs::create_dir(&hog).unwrap();
            (0..).find_map(|number: u32| fs::write(hog.join(number.to_string()), "").err())
        } else {
            fs::write(&hog, vec![1; 1 << 20]).err()
        };
        assert_eq!(full.unwrap().kind(), std::io::ErrorKind::StorageFull);
        let pid = traced.process.pid;
        assert_eq!(traced.finish(), WaitStatus::Exited(pid, 1), "inodes: {inodes}");
        let said = e2e::pause::read_to_end(stderr);
        assert!(said.contains("cannot write ") && said.contains("No space left on device"), "{said}");
        assert_eq!(names(memory.path()), ["hog", "site"], "nothing is left of it");
        assert_eq!(fs::read(memory.path().join("site/1")).unwrap(), b"old");
        assert_eq!(names(&memory.path().join("site")), ["1"]);
    }
}

#[test]
fn what_is_no_directory_or_missing_is_told() {
    let place = Place::new();
    write(place.from.join("a.war"), "new");
    write(place.to.join("file"), "theirs");
    let file = place.to.join("file");
    refuse(launch(&[&place.contents(), &file]), 1, &["file is not a directory"]);
    refuse(launch(&[&place.contents(), &file.join("below")]), 1, &["Not a directory"]);
    let missing = place.to.join("one/two");
    for source in [place.contents(), place.from.join("a.war")] {
        refuse(launch(&[&source, &missing]), 1, &["does not exist", "--parents"]);
    }
    refuse(launch(&[&place.from.join("a.war"), &place.from.join("a.war"), &missing]), 1, &["does not exist"]);
    assert_eq!(names(&place.to), ["file"]);
    // A trailing slash means a directory.
    put(&[&"--parents", &place.from.join("a.war"), &format!("{}/", missing.display())]);
    put(&[&"--parents", &place.from.join("a.war"), &place.to.join("three/ROOT.war")]);
    put(&[&"--parents", &place.contents(), &place.to.join("four")]);
    for path in ["one/two/a.war", "three/ROOT.war", "four/a.war"] {
        assert_eq!(fs::read(place.to.join(path)).unwrap(), b"new", "{path}");
    }
    // A file may replace another one by its name.
    put(&[&place.from.join("a.war"), &file]);
    assert_eq!(fs::read(&file).unwrap(), b"new");
}

/// Whatever is wrong, no directory is made for it.
#[test]
fn nothing_is_left_of_parents_that_are_of_no_use() {
    let place = Place::new();
    write(place.from.join("a.war"), "new");
    write(place.from.join("there/keep"), "theirs");
    write(place.from.join("bad/b.war"), "new");
    write(place.from.join("bad/b.war.sha256"), "0".repeat(64));
    nix::unistd::mkfifo(&place.from.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let before = tree(&place.from);
    let from = |name: &str| place.from.join(name);
    for (source, dest, words) in [
        (from("nothing.war"), "new/dir/", "cannot read"),
        (from("nothing.war"), "there/new/ROOT.war", "cannot read"),
        (from("pipe"), "new/dir/", "is no file, directory"),
        (from("bad/b.war"), "new/dir/", "is damaged"),
        (from("there"), "there/new/dir/", "into itself"),
    ] {
        refuse(launch(&[&"--parents", &source, &from(dest)]), 1, &[words]);
        assert_eq!(tree(&place.from), before, "{} to {dest}", source.display());
    }
    // Not even for a moment.
    let stay = launch(&[&"--parents", &from("nothing.war"), &from("new/dir/")]).refused(libc::SYS_rmdir, Errno::EPERM);
    refuse(stay, 1, &["cannot read"]);
    assert_eq!(tree(&place.from), before);
    // That there was nothing to be put in it is no failure.
    fs::create_dir(from("empty")).unwrap();
    put(&[&"--parents", &format!("{}/.", from("empty").display()), &from("new/dir")]);
    assert!(from("new/dir").is_dir());
}

#[test]
fn relative_to_where_it_is_called() {
    let place = Place::new();
    write(place.from.join("a.war"), "new");
    crate::run::succeed(launch(&[&"a.war", &"b.war"]).in_directory(&place.from));
    crate::run::succeed(launch(&[&".", &"../to"]).in_directory(&place.from));
    assert_eq!(names(&place.to), ["a.war", "b.war"]);
    crate::run::succeed(launch(&[&"../from/a.war", &"."]).in_directory(&place.to));
    refuse(launch(&[&"..", &place.to]).in_directory(&place.from), 1, &[".. has no name; did you mean ../. ?"]);
}
