//! Debian's logrotate, in both modes, with and without compression.

use e2e::command::output;
use e2e::elasticsearch::Server;
use e2e::process::until;
use e2e::shipper::{Place, Shipper, expect_all, expect_order, lines};
use nix::time::{ClockId, clock_gettime};
use std::fs;
use std::process::Command;

/// Rotates all logs now.
fn logrotate(place: &Place, how: &str) {
    let config = place.file("logrotate.conf");
    let text = format!("{} {{\n  rotate 20\n  {}\n}}\n", place.log("*.log").display(), how.replace(',', "\n  "));
    fs::write(&config, text).unwrap();
    output(Command::new("logrotate").args(["--force", "--state"]).arg(place.file("logrotate.state")).arg(&config))
        .unwrap();
}

/// Whose number is in the names that `dateext` gives, by the clock that time(2) reads: it is some milliseconds late.
fn until_next_second() {
    let second = || clock_gettime(ClockId::CLOCK_REALTIME_COARSE).unwrap().tv_sec();
    let now = second();
    until("the next second", || second() > now);
}

/// A writer that opens its log anew after each rotation; a shipper that is sometimes behind, and sometimes not there.
fn rotated_by(how: &str) {
    let (server, place) = (Server::start(), Place::new());
    let mut shipper = None;
    let mut count = 0;
    for round in 0..12 {
        if round % 4 == 3 {
            drop(shipper.take()); // which kills it
        } else if shipper.is_none() {
            shipper = Some(Shipper::start(place.ship(&server, &[])));
        }
        match round % 4 {
            1 => server.down(),
            2 => {
                server.up();
                server.until_stored(count);
            }
            _ => {}
        }
        place.append("a.log", lines(count..count + 500));
        count += 500;
        if round % 4 == 0 {
            server.until_stored(count);
        }
        if how.contains("dateext") {
            until_next_second();
        }
        logrotate(&place, how);
    }
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.until_stored(count);
    shipper.finish();
    expect_all(&server, count);
    expect_order(&server);
}

#[test]
fn create() {
    rotated_by("create");
}

#[test]
fn create_and_compress() {
    rotated_by("create,compress");
}

#[test]
fn create_and_compress_later() {
    rotated_by("create,compress,delaycompress");
}

#[test]
fn by_date() {
    rotated_by("create,dateext,dateformat -%s");
}

#[test]
fn copytruncate() {
    rotated_by("copytruncate");
}

#[test]
fn copytruncate_and_compress() {
    rotated_by("copytruncate,compress");
}

#[test]
fn copytruncate_and_compress_later() {
    rotated_by("copytruncate,compress,delaycompress");
}
