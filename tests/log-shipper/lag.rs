//! How far behind it is, also while nothing is read of a log since the sink has no room.

use e2e::elasticsearch::Server;
use e2e::process::until;
use e2e::shipper::{Place, Shipper, free_port, get, metric, with};
use std::net::SocketAddr;

/// So many in all, in lines of 10,000 bytes.
fn megabytes(count: usize) -> String {
    format!("{}\n", "x".repeat(9_999)).repeat(count * 100)
}

/// Bytes and seconds.
fn lag(admin: SocketAddr, place: &Place, log: &str) -> [Option<f64>; 2] {
    let page = get(admin, "/metrics").unwrap().1;
    let path = place.log(log).display().to_string();
    ["bytes", "seconds"].map(|unit| metric(&page, &format!("log_shipper_lag_{unit}{{path=\"{path}\"}} ")))
}

/// A shipper to a server that is down.
fn start(server: &Server, place: &Place, admin: SocketAddr) -> Shipper {
    server.down();
    let shipper = Shipper::start(with(place.ship(server, &[]), &[&"--admin", &admin.to_string()]));
    shipper.until_said("cannot deliver");
    shipper
}

#[test]
fn a_log_grows_while_the_sink_is_down() {
    let (server, place, admin) = (Server::start(), Place::new(), free_port());
    place.append("a.log", megabytes(4));
    let shipper = start(&server, &place, admin);
    until("it is 4 MB behind", || lag(admin, &place, "a.log")[0] == Some(4e6));
    place.append("a.log", megabytes(6));
    until("it is 10 MB behind", || lag(admin, &place, "a.log")[0] == Some(10e6));
    // Rotated, it is behind with both.
    place.rename("a.log", "a.log.1");
    place.append("a.log", megabytes(1));
    until("it is 11 MB behind", || lag(admin, &place, "a.log")[0] == Some(11e6));
    let sent = metric(&get(admin, "/metrics").unwrap().1, "log_shipper_sent_bytes_total ");
    assert_eq!(sent, Some(0.0), "what could not be sent counts as sent");
    server.up();
    server.until_stored(1100);
    until("it has caught up", || lag(admin, &place, "a.log") == [Some(0.0); 2]);
    shipper.finish();
}

#[test]
fn logs_that_wait_for_their_turn() {
    let (server, place, admin) = (Server::start(), Place::new(), free_port());
    let names: Vec<_> = (0..10).map(|number| format!("{number}.log")).collect();
    for name in &names {
        place.append(name, megabytes(1));
    }
    let shipper = start(&server, &place, admin);
    for name in &names {
        until("each is behind", || {
            let [bytes, seconds] = lag(admin, &place, name);
            bytes == Some(1e6) && seconds.is_some_and(|seconds| seconds > 0.0)
        });
    }
    server.up();
    server.until_stored(1000);
    shipper.finish();
}

/// What is gone is not waited for.
#[test]
fn a_log_is_truncated_while_it_is_behind() {
    let (server, place, admin) = (Server::start(), Place::new(), free_port());
    place.append("a.log", megabytes(4));
    let shipper = start(&server, &place, admin);
    place.truncate("a.log");
    server.up();
    shipper.until_said("were truncated or removed before they could be read");
    until("nothing is left", || lag(admin, &place, "a.log") == [Some(0.0); 2]);
    shipper.finish();
}
