//! Which files are read: by pattern, also those that come later, and where links lead.

use e2e::elasticsearch::Server;
use e2e::launch::pipe;
use e2e::shipper::{Place, STREAM, Shipper, expect_all, expect_order, free_port, lines, output, succeed, with};
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::thread;

/// The messages that came, without their order.
fn messages(server: &Server) -> BTreeSet<String> {
    server.with(|state| state.store.messages(STREAM).into_iter().collect())
}

fn set<const N: usize>(messages: [&str; N]) -> BTreeSet<String> {
    messages.map(str::to_owned).into()
}

#[test]
fn all_that_match_but_what_is_excluded() {
    let (server, place) = (Server::start(), Place::new());
    for name in ["a.log", "b.log", "b.txt", "debug.log", "web/access.log", "web/deep/er.log", "[x].log"] {
        place.append(name, format!("{name}\n"));
    }
    let patterns = [place.log("*.log"), place.log("*/*.log"), place.log("a.log")];
    let excluded = place.log("debug*");
    let [first, second, third] = &patterns;
    succeed(place.to(&server.url(), &[&"--once", &"--exclude", &excluded, first, second, third]));
    assert_eq!(messages(&server), set(["a.log", "b.log", "[x].log", "web/access.log"]));
}

#[test]
fn files_and_directories_that_appear_late() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", "first\n");
    let pattern = place.log("*/*.log");
    let shipper = Shipper::start(with(place.ship(&server, &[]), &[&pattern]));
    server.until_stored(1);
    place.append("b.log", "second\n");
    server.until_stored(2);
    place.append("new/c.log", "third\n");
    server.until_stored(3);
    // Written elsewhere, and put there when it is whole.
    fs::write(place.log("d.tmp"), "fourth\n").unwrap();
    place.rename("d.tmp", "d.log");
    server.until_stored(4);
    shipper.finish();
    assert_eq!(messages(&server), set(["first", "second", "third", "fourth"]));
}

#[test]
fn the_directory_itself_appears_late() {
    let (server, place) = (Server::start(), Place::new());
    let pattern = place.file("later/deep/*.log");
    let admin = free_port().to_string();
    let shipper = Shipper::start(with(place.to(&server.url(), &[]), &[&"--admin", &admin, &pattern]));
    shipper.until_ready(admin.parse().unwrap());
    fs::create_dir_all(place.file("later/deep")).unwrap();
    fs::write(place.file("later/deep/a.log"), "line\n").unwrap();
    server.until_stored(1);
    shipper.finish();
}

#[test]
fn from_the_end_of_what_was_there() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", "old\n");
    let admin = free_port();
    let ship = || with(place.ship(&server, &[&"--from", &"end"]), &[&"--admin", &admin.to_string()]);
    let shipper = Shipper::start(ship());
    shipper.until_ready(admin);
    place.append("a.log", "new\n");
    place.append("b.log", "later\n");
    server.until_stored(2);
    shipper.finish();
    // What comes while nobody looks is new, too.
    place.append("a.log", "meanwhile\n");
    place.append("c.log", "another\n");
    let shipper = Shipper::start(ship());
    server.until_stored(4);
    shipper.finish();
    assert_eq!(messages(&server), set(["new", "later", "meanwhile", "another"]));
}

#[test]
fn ten_thousand_files() {
    let (server, place) = (Server::start(), Place::new());
    place.one_line_each(10_000);
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.until_stored(10_000);
    for number in 10_000..10_100 {
        place.append(&format!("{:05}.log", number % 7 * 1000), lines(number..number + 1));
    }
    server.until_stored(10_100);
    shipper.finish();
    expect_all(&server, 10_100);
}

/// By two names it is one file.
#[test]
fn one_file_by_several_names_comes_once() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..10));
    symlink("a.log", place.log("link.log")).unwrap();
    fs::hard_link(place.log("a.log"), place.log("other.log")).unwrap();
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.until_stored(10);
    place.append("a.log", lines(10..20));
    server.until_stored(20);
    shipper.finish();
    expect_all(&server, 20);
}

#[test]
fn a_link_is_followed_to_its_new_target() {
    let (server, place) = (Server::start(), Place::new());
    fs::write(place.file("one"), lines(0..10)).unwrap();
    symlink("../one", place.log("current.log")).unwrap();
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.until_stored(10);
    // What the old one still got is not lost.
    let mut old = File::options().append(true).open(place.file("one")).unwrap();
    old.write_all(lines(10..20).as_bytes()).unwrap();
    fs::write(place.file("two"), lines(20..30)).unwrap();
    symlink("../two", place.log("new")).unwrap();
    place.rename("new", "current.log");
    server.until_stored(30);
    let mut new = File::options().append(true).open(place.file("two")).unwrap();
    new.write_all(lines(30..40).as_bytes()).unwrap();
    server.until_stored(40);
    shipper.finish();
    expect_all(&server, 40);
    expect_order(&server);
}

#[test]
fn links_lead_nowhere_else_if_they_are_confined() {
    let (server, place) = (Server::start(), Place::new());
    fs::write(place.file("secret"), "secret\n").unwrap();
    fs::create_dir(place.file("outside")).unwrap();
    fs::write(place.file("outside/x.log"), "secret, too\n").unwrap();
    place.append("sub/real", "inside\n");
    place.append("a.log", "plain\n");
    symlink(place.file("secret"), place.log("b.log")).unwrap();
    symlink("sub/real", place.log("c.log")).unwrap();
    symlink(place.file("outside"), place.log("d")).unwrap();
    let pattern = place.log("*/*.log");
    let said = succeed(with(place.ship(&server, &[&"--once", &"--confine", &place.logs]), &[&pattern]));
    assert_eq!(messages(&server), set(["plain", "inside"]));
    assert!(said.contains("b.log"), "it does not say what it left out: {said}");
}

#[test]
fn what_cannot_be_read_stops_nothing() {
    if !e2e::is_root() {
        return;
    }
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", "readable\n");
    place.append("b.log", "secret\n");
    place.set_mode("b.log", 0o600);
    fs::create_dir(place.log("directory.log")).unwrap();
    nix::unistd::mkfifo(&place.log("fifo.log"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let shipper = Shipper::start(place.ship_as_other(&server, &[]));
    server.until_stored(1);
    shipper.until_said("b.log");
    // Readable later, it is read.
    place.set_mode("b.log", 0o644);
    server.until_stored(2);
    shipper.finish();
}

#[test]
fn stdin_to_its_end() {
    let (server, place) = (Server::start(), Place::new());
    let (read, write) = pipe().unwrap();
    let shipper = Shipper::start(place.to(&server.url(), &[&"-"]).redirected(0, read));
    let mut stdin = File::from(write);
    stdin.write_all(lines(0..10).as_bytes()).unwrap();
    server.until_stored(10);
    stdin.write_all(lines(10..20).trim_end().as_bytes()).unwrap();
    drop(stdin);
    let ended = shipper.end();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    expect_all(&server, 20);
    expect_order(&server);
}

/// What is there of a pipe is what comes until its end, not what it has at a moment.
#[test]
fn stdin_to_its_end_with_once() {
    for files in [false, true] {
        let (server, place) = (Server::start(), Place::new());
        place.append("a.log", lines(0..10));
        let (read, write) = pipe().unwrap();
        let pattern = place.log("*.log");
        let launch = place.to(&server.url(), &[&"--once", &"-"]);
        let shipper = Shipper::start((if files { with(launch, &[&pattern]) } else { launch }).redirected(0, read));
        let mut stdin = File::from(write);
        let before = if files { 0 } else { 10 };
        for number in 10..15 {
            stdin.write_all(lines(number..number + 1).as_bytes()).unwrap();
            server.until_stored(number + 1 - before);
        }
        stdin.write_all(lines(15..20).trim_end().as_bytes()).unwrap();
        drop(stdin);
        let ended = shipper.end();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(server.with(|state| state.store.stored()), 20 - before);
    }
}

/// Who is asked to stop does not wait for an end that may never come.
#[test]
fn stdin_without_an_end_with_once() {
    let (server, place) = (Server::start(), Place::new());
    let (read, write) = pipe().unwrap();
    let shipper = Shipper::start(place.to(&server.url(), &[&"--once", &"-"]).redirected(0, read));
    let mut stdin = File::from(write);
    stdin.write_all(lines(0..10).as_bytes()).unwrap();
    server.until_stored(10);
    shipper.finish();
    expect_all(&server, 10);
}

#[test]
fn raw_to_stdout() {
    let place = Place::new();
    place.append("a.log", "one\n\ntwo \"2\"\r\nthree");
    let pattern = place.log("*.log");
    assert_eq!(output(place.to("stdout", &[&"--raw", &"--once", &pattern])), "one\n\ntwo \"2\"\nthree\n");
}

/// A window has to have room for it, and so has what is taken from the pipe.
#[test]
fn a_line_of_stdin_as_long_as_may_be() {
    for (length, max_line) in [(800_000, "1MiB"), (512 << 10, "512KiB")] {
        let (server, place) = (Server::start(), Place::new());
        let (read, write) = pipe().unwrap();
        let shipper = Shipper::start(place.to(&server.url(), &[&"--max-line", &max_line, &"-"]).redirected(0, read));
        let writer = thread::spawn(move || File::from(write).write_all(format!("{}\n", "x".repeat(length)).as_bytes()));
        server.until_stored(1);
        writer.join().unwrap().unwrap();
        let ended = shipper.end();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(server.with(|state| state.store.messages(STREAM)), ["x".repeat(length)]);
    }
}

/// As on network volumes, of which the kernel tells nothing, and where a user has no inotify left: it looks by itself.
#[test]
fn where_inotify_does_not_work() {
    let (server, place) = (Server::start(), Place::new());
    let patterns = [place.log("*.log"), place.log("*/*.log")];
    let launch = place.to(&server.url(), &[&patterns[0], &patterns[1]]);
    place.append("a.log", lines(0..100));
    let shipper = Shipper::start(launch.refused(libc::SYS_inotify_init1, Errno::EMFILE));
    server.until_stored(100);
    place.append("a.log", lines(100..200));
    server.until_stored(200);
    place.append("b.log", lines(200..300));
    place.append("web/c.log", lines(300..400));
    server.until_stored(400);
    place.append("a.log", lines(400..500));
    place.rename("a.log", "a.log.1");
    place.append("a.log", lines(500..600));
    server.until_stored(600);
    place.append("b.log", lines(600..700));
    server.until_stored(700);
    place.copy_and_truncate("b.log", "b.log.1");
    place.append("b.log", lines(700..750));
    server.until_stored(750);
    shipper.finish();
    expect_all(&server, 750);
}
