//! Links and directories that lead elsewhere than they did, while it reads them, while it is behind, and while it does
//! not run.

use e2e::elasticsearch::Server;
use e2e::shipper::{Place, Shipper, expect_all, expect_order, free_port, get, lines, metric, succeed};
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

/// Switches what leads to a log while nobody looks; the old file has got more, and is not beside the new one. The lines
/// are shorter than what a file is known by, and longer than what is read at once.
fn switched_while_it_did_not_run(path: &str, old: &str, new: &str, switch: impl Fn(&Place)) {
    for length in [0, 300_000] {
        for kill in [false, true] {
            let (server, place) = (Server::start(), Place::new());
            let text = |numbers| lines(numbers).replace('\n', &format!("{}\n", "x".repeat(length)));
            let launch = || place.to(&server.url(), &[&"--max-line", &"1MiB", &place.log(path)]);
            place.append(new, "");
            place.append(old, text(0..5));
            switch(&place);
            let shipper = Shipper::start(launch());
            server.until_stored(5);
            if kill {
                shipper.kill();
            } else {
                shipper.finish();
            }
            place.append(old, text(5..8));
            place.append(new, text(8..12));
            switch(&place);
            let shipper = Shipper::start(launch());
            server.until_stored(12);
            place.append(new, text(12..15));
            server.until_stored(15);
            let said = shipper.finish();
            assert!(!said.contains("before they could be read"), "{said}");
            succeed(e2e::shipper::with(launch(), &[&"--once"]));
            expect_all(&server, 15);
            expect_order(&server);
        }
    }
}

/// The first time it leads to one, then to the other.
fn by_turns(place: &Place, link_at: &str, targets: [&str; 2]) {
    let at = place.log(link_at);
    let target = if at.is_symlink() { targets[1] } else { targets[0] };
    link(target, &at);
}

/// As glog does it: a file for each start of the app, and a link to the last one.
#[test]
fn a_link_leads_elsewhere_while_it_did_not_run() {
    switched_while_it_did_not_run("current.log", "app-a.txt", "app-b.txt", |place| {
        by_turns(place, "current.log", ["app-a.txt", "app-b.txt"]);
    });
}

#[test]
fn a_link_to_a_directory_leads_elsewhere_while_it_did_not_run() {
    switched_while_it_did_not_run("current/a.log", "r1/a.log", "r2/a.log", |place| {
        by_turns(place, "current", ["r1", "r2"]);
    });
}

/// And what it led to was rotated, too.
#[test]
fn what_a_link_led_to_is_rotated_while_it_did_not_run() {
    let (server, place) = (Server::start(), Place::new());
    place.append("app-a.txt", lines(0..10));
    link("app-a.txt", &place.log("current.log"));
    succeed(place.ship(&server, &[&"--once"]));
    place.append("app-a.txt", lines(10..20));
    place.rename("app-a.txt", "app-a.txt.1");
    place.append("app-b.txt", lines(20..30));
    link("app-b.txt", &place.log("current.log"));
    succeed(place.ship(&server, &[&"--once"]));
    expect_all(&server, 30);
    expect_order(&server);
}

/// A place is of interest again when no link leads there any more.
#[test]
fn where_a_link_led_is_another_log() {
    let (server, place) = (Server::start(), Place::new());
    place.append("x/a.log", lines(0..10));
    link("x/a.log", &place.log("current.log"));
    let patterns = [place.log("current.log"), place.log("x/*.log")];
    let shipper = Shipper::start(place.to(&server.url(), &[&patterns[0], &patterns[1]]));
    server.until_stored(10);
    place.append("x/b.log", lines(10..20));
    server.until_stored(20);
    link("x/b.log", &place.log("current.log"));
    place.append("x/b.log", lines(20..30));
    server.until_stored(30);
    fs::remove_file(place.log("x/a.log")).unwrap();
    place.append("x/a.log", lines(30..40));
    server.until_stored(40);
    place.append("x/a.log", lines(40..50));
    server.until_stored(50);
    shipper.finish();
    expect_all(&server, 50);
}

/// Links that may not lead there do not when they did before, either.
#[test]
fn what_a_link_led_to_is_left_alone_if_it_is_confined_now() {
    let (server, place) = (Server::start(), Place::new());
    fs::write(place.file("secret"), lines(0..10)).unwrap();
    link("../secret", &place.log("current.log"));
    succeed(place.ship(&server, &[&"--once"]));
    let mut secret = File::options().append(true).open(place.file("secret")).unwrap();
    secret.write_all(lines(10..20).as_bytes()).unwrap();
    place.append("inside", lines(20..30));
    link("inside", &place.log("current.log"));
    succeed(place.ship(&server, &[&"--once", &"--confine", &place.logs]));
    server.with(|state| assert_eq!(state.store.numbers.missing(30).collect::<Vec<_>>(), (10..20).collect::<Vec<_>>()));
}

/// FILES name a link first, and then what it leads to, or the other way round: the logs are the same.
#[test]
fn another_pattern_leads_to_the_same_file() {
    let patterns = ["current.log", "app-?.log", "app-*.log"];
    for (before, after) in [(0, 1), (1, 0), (0, 2)] {
        for running in [false, true] {
            let (server, place) = (Server::start(), Place::new());
            // This one has a name that a rotated `app.log` might have.
            let (target, link_at) = if after == 2 { ("app-1.log", "app.log") } else { ("app-a.log", "current.log") };
            let pattern = |number: usize| if number == 0 { link_at } else { patterns[number] };
            let config = |number: usize| {
                format!(
                    "inputs: [{{files: [LOGS/{}]}}]\noutput: {{elasticsearch: {{urls: ['{}']}}}}\n",
                    pattern(number),
                    server.url()
                )
            };
            place.append(target, lines(0..10));
            link(target, &place.log(link_at));
            let admin = free_port();
            let mut shipper = Shipper::start(place.configured(&config(before), &[&"--admin", &admin.to_string()]));
            // What it has not heard of when it follows the new file is sent again.
            let delivered = || metric(&get(admin, "/metrics").ok()?.1, "log_shipper_delivered_total ");
            e2e::process::until("all are delivered", || delivered() == Some(10.0));
            if running {
                place.configure(&config(after));
                shipper.until_said("following the new");
            } else {
                shipper.finish();
                shipper = Shipper::start(place.configured(&config(after), &[]));
            }
            place.append(target, lines(10..20));
            server.until_stored(20);
            shipper.finish();
            expect_all(&server, 20);
            // They are not sent again, either.
            assert_eq!(server.with(|state| state.store.conflicts), 0, "{target} {running}");
        }
    }
}
