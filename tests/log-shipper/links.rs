//! Links and directories that lead elsewhere than they did, while it reads them and while it is behind.

use e2e::elasticsearch::Server;
use e2e::shipper::{Place, Shipper, expect_all, expect_order, lines};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

/// What it is doing when it happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Meanwhile {
    /// All has been delivered
    Reading,
    /// The sink is down
    Behind,
    /// It has no inotify
    Looking,
}

const ALL: [Meanwhile; 3] = [Meanwhile::Reading, Meanwhile::Behind, Meanwhile::Looking];

/// Lines 0..10 are delivered from `path`, and 10..20 are written; then `happen` makes it lead to another file, with lines
/// 20..30. The old file gets more of them, and so does the new one; all of it must come.
fn switched(meanwhile: Meanwhile, place: &Place, path: &str, happen: impl FnOnce()) {
    eprintln!("{meanwhile:?}:");
    let server = Server::start();
    place.append(path, lines(0..10));
    let launch = place.to(&server.url(), &[&place.log(path).with_file_name("*.log")]);
    let shipper = Shipper::start(match meanwhile {
        Meanwhile::Looking => launch.refused(libc::SYS_inotify_init1, Errno::EMFILE),
        Meanwhile::Reading | Meanwhile::Behind => launch,
    });
    server.until_stored(10);
    if meanwhile == Meanwhile::Behind {
        server.down();
    }
    let mut old = File::options().append(true).open(place.log(path)).unwrap();
    old.write_all(lines(10..20).as_bytes()).unwrap();
    happen();
    if meanwhile == Meanwhile::Behind {
        server.up();
    }
    server.until_stored(30);
    expect_order(&server);
    place.append(path, lines(30..40));
    server.until_stored(40);
    // Who writes to the old one need not know of it yet.
    old.write_all(lines(40..50).as_bytes()).unwrap();
    server.until_stored(50);
    place.append(path, lines(50..60));
    server.until_stored(60);
    shipper.finish();
    expect_all(&server, 60);
}

/// Makes a link, or makes it lead elsewhere at once.
fn link(target: impl AsRef<Path>, path: &Path) {
    let new = path.with_extension("new");
    symlink(target, &new).and_then(|()| fs::rename(new, path)).unwrap();
}

#[test]
fn a_directory_is_another_one() {
    for meanwhile in ALL {
        let place = Place::new();
        place.append("new/a.log", lines(20..30));
        switched(meanwhile, &place, "d/a.log", || {
            place.rename("d", "d.old");
            place.rename("new", "d");
        });
    }
}

/// There is no time without one, and the directory that changes is not the log's own.
#[test]
fn a_directory_on_the_way_is_exchanged() {
    for meanwhile in ALL {
        let place = Place::new();
        place.append("new/deep/er/a.log", lines(20..30));
        switched(meanwhile, &place, "d/deep/er/a.log", || {
            let (one, other) = (place.log("d"), place.log("new"));
            renameat2(AT_FDCWD, &one, AT_FDCWD, &other, RenameFlags::RENAME_EXCHANGE).unwrap();
        });
    }
}

/// As a release is switched.
#[test]
fn a_link_to_a_directory_leads_elsewhere() {
    for meanwhile in ALL {
        let place = Place::new();
        fs::create_dir(place.log("r1")).unwrap();
        place.append("r2/a.log", lines(20..30));
        link("r1", &place.log("current"));
        switched(meanwhile, &place, "current/a.log", || link("r2", &place.log("current")));
    }
}

/// And the one that changes is beside neither the log nor its directory.
#[test]
fn a_link_behind_a_link_leads_elsewhere() {
    for meanwhile in ALL {
        for path in ["current/a.log", "app.log"] {
            let place = Place::new();
            fs::create_dir_all(place.file("releases/r1/logs")).unwrap();
            fs::create_dir_all(place.file("releases/r2/logs")).unwrap();
            fs::write(place.file("releases/r2/logs/a.log"), lines(20..30)).unwrap();
            let latest = place.file("releases/latest");
            link("r1", &latest);
            link("../releases/latest/logs", &place.log("current"));
            link("../releases/latest/logs/a.log", &place.log("app.log"));
            switched(meanwhile, &place, path, || link("r2", &latest));
        }
    }
}

/// It is removed first, and made again later.
#[test]
fn a_link_is_made_anew() {
    for meanwhile in ALL {
        let place = Place::new();
        fs::create_dir(place.log("r1")).unwrap();
        place.append("r2/a.log", lines(20..30));
        link("r1", &place.log("current"));
        switched(meanwhile, &place, "current/a.log", || {
            fs::remove_file(place.log("current")).unwrap();
            symlink("r2", place.log("current")).unwrap();
        });
    }
}

/// A pattern may be about links to directories that are made later.
#[test]
fn a_link_to_a_directory_appears_late() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..10));
    fs::create_dir(place.file("elsewhere")).unwrap();
    fs::write(place.file("elsewhere/b.log"), lines(10..20)).unwrap();
    let patterns = [place.log("*.log"), place.log("*/*.log")];
    let shipper = Shipper::start(place.to(&server.url(), &[&patterns[0], &patterns[1]]));
    server.until_stored(10);
    link("../elsewhere", &place.log("d"));
    server.until_stored(20);
    shipper.finish();
    expect_all(&server, 20);
}
