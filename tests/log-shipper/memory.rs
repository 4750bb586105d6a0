//! Never above 10 MB, whatever the load, the number of files, and the sink's state.

use e2e::cgroup::Cgroup;
use e2e::elasticsearch::{Authority, Fault, How, Server, Verdict};
use e2e::process::until;
use e2e::shipper::{Place, Shipper, expect_all, lines, with};
use std::fs;
use std::time::Duration;

const MOST: u64 = 10_000_000 / 1024; // kB
/// Of it 0.4 MB are its own; the rest is the program, which all pods of a node share.
const IDLE: u64 = 3_000_000 / 1024;

fn expect_little(what: &str, shipper: &Shipper) {
    let peak = shipper.peak();
    assert!(peak <= MOST, "{peak} kB for {what}");
}

#[test]
fn idle() {
    let (server, place) = (Server::start(), Place::new());
    let shipper = Shipper::start(place.ship(&server, &[]));
    place.append("a.log", lines(0..1));
    server.until_stored(1);
    until("it has let go of what only its start took", || shipper.resident() <= IDLE);
    shipper.finish();
}

#[test]
fn full_load() {
    let authority = Authority::new();
    for (compress, tls) in [("none", false), ("gzip", false), ("zstd", false), ("zstd", true)] {
        let (server, place) = (if tls { Server::start_tls(&authority) } else { Server::start() }, Place::new());
        fs::write(place.file("ca.pem"), authority.pem()).unwrap();
        place.append("a.log", lines(0..100_000));
        let config = format!(
            "inputs: [{{files: [LOGS/*.log]}}]\noutput:\n  elasticsearch:\n    urls: ['{}']\n    compress: {compress}\n    \
             tls: {{verify: ca, ca-file: HOME/ca.pem}}\n",
            server.url()
        );
        let shipper = Shipper::start(place.configured(&config, &[]));
        server.within(Duration::from_mins(2), "all", |state| state.store.stored() == 100_000);
        expect_little(&format!("{compress}, TLS: {tls}"), &shipper);
        shipper.finish();
        expect_all(&server, 100_000);
    }
}

#[test]
fn a_thousand_files_and_a_dead_sink() {
    let (server, place) = (Server::start(), Place::new());
    server.always(Fault::instead(How::Never));
    for number in 0..1000 {
        place.append(&format!("{number}.log"), lines(number * 100..number * 100 + 100));
    }
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.until("it is sending", |state| !state.requests.is_empty());
    for number in 0..1000 {
        place.rename(&format!("{number}.log"), &format!("{number}.log.1"));
        place.append(&format!("{number}.log"), lines(100_000 + number * 100..100_000 + number * 100 + 100));
    }
    server.down();
    shipper.until_said(server.url().trim_start_matches("http://"));
    expect_little("1,000 files and a sink that is down", &shipper);
    server.recover();
    server.up();
    server.within(Duration::from_mins(2), "all", |state| state.store.stored() == 200_000);
    expect_little("1,000 files", &shipper);
    shipper.finish();
    expect_all(&server, 200_000);
}

/// Beyond what is promised, a file takes less than 1 kB.
#[test]
fn ten_thousand_files() {
    let (server, place) = (Server::start(), Place::new());
    place.one_line_each(10_000);
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.until_stored(10_000);
    let peak = shipper.peak();
    assert!(peak <= MOST + 10_000, "{peak} kB");
    shipper.finish();
}

#[test]
fn lines_without_an_end_in_many_files() {
    let (server, place) = (Server::start(), Place::new());
    for number in 0..100 {
        place.append(&format!("{number}.log"), "x".repeat(200_000));
    }
    let shipper = Shipper::start(place.ship(&server, &[]));
    place.append("z.log", lines(0..1));
    server.until_stored(1);
    for number in 0..100 {
        place.append(&format!("{number}.log"), "y".repeat(100_000) + "\n");
    }
    server.until("all of it", |state| {
        let length = |index: &e2e::elasticsearch::Index| index.documents.iter().map(|d| d.source.len()).sum::<usize>();
        state.store.indices.values().map(length).sum::<usize>() > 30_000_000
    });
    expect_little("long lines", &shipper);
    shipper.finish();
}

#[test]
fn refused_again_and_again() {
    let (server, place) = (Server::start(), Place::new());
    let mut tries = 0_u64;
    server.judge(move |item| {
        tries += 1;
        match item.number {
            Some(number) if number % 10 == 0 => Verdict::Conflict,
            _ if tries.is_multiple_of(3) => Verdict::Busy,
            _ => Verdict::Store,
        }
    });
    place.append("a.log", lines(0..50_000));
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.within(Duration::from_mins(2), "all", |state| state.store.stored() == 45_000);
    expect_little("items that come again", &shipper);
    shipper.finish();
}

/// Page cache that it reads and sockets' buffers count, too.
#[test]
fn in_sixteen_mebibytes() {
    if !e2e::is_root() {
        return;
    }
    let group = match Cgroup::memory(16 << 20) {
        Ok(group) => group,
        Err(error) => return e2e::skip(&format!("{error:#}")),
    };
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..200_000));
    let shipper = Shipper::start(with(place.ship(&server, &[]), &[&"--compress", &"zstd"]).in_cgroup(&group));
    server.within(Duration::from_mins(2), "all", |state| state.store.stored() == 200_000);
    expect_little("all that it is allowed", &shipper);
    shipper.finish();
    expect_all(&server, 200_000);
}
