//! Whatever is killed, and whatever answer is lost: each line is stored once.

use e2e::elasticsearch::{Fault, How, Server};
use e2e::shipper::{Place, STREAM, Shipper, expect_all, expect_order, lines, succeed};
use std::time::Duration;

#[test]
fn killed_between_storing_and_the_answer() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..1000));
    server.always(Fault::after_storing(How::Never));
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.until("something is stored", |state| state.store.stored() > 0);
    shipper.kill();
    let stored = server.with(|state| state.store.stored());
    server.recover();
    succeed(place.ship(&server, &[&"--once"]));
    expect_all(&server, 1000);
    assert!(server.with(|state| state.store.conflicts) >= stored, "what was stored is sent again");
}

/// Also what comes in between is cut into other batches than before.
#[test]
fn killed_again_and_again() {
    let (server, place) = (Server::start(), Place::new());
    for round in 0..20 {
        place.append("a.log", lines(round * 1000..round * 1000 + 1000));
        if round % 3 == 2 {
            place.rename("a.log", &format!("a.log.{round}"));
        }
        if round % 2 == 1 {
            server.next(1, Fault::after_storing(How::Never));
        }
        let before = server.with(|state| state.requests.len());
        let shipper = Shipper::start(place.ship(&server, &[]));
        server.until("it has sent something", |state| state.requests.len() > before);
        shipper.kill();
        server.recover();
    }
    succeed(place.ship(&server, &[&"--once"]));
    expect_all(&server, 20_000);
}

#[test]
fn the_answer_is_lost() {
    let (server, place) = (Server::start(), Place::new());
    let shipper = Shipper::start(place.ship(&server, &[]));
    for (round, how) in (0..).zip([How::Close, How::Reset, How::HalfClose, How::Cut, How::Short, How::Close]) {
        server.next(1, Fault::after_storing(how));
        place.append("a.log", lines(round * 100..round * 100 + 100));
        server.until("it is sent again", |state| state.store.conflicts > 0);
        server.with(|state| state.store.conflicts = 0);
    }
    shipper.finish();
    expect_all(&server, 600);
    expect_order(&server);
}

/// Lines that are the same are not one, nor is what was truncated and written again, see `rotation`.
#[test]
fn the_same_line_many_times() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", "same\n".repeat(1000));
    succeed(place.ship(&server, &[&"--once"]));
    assert_eq!(server.with(|state| state.store.messages(STREAM)), vec!["same"; 1000]);
}

/// Without ids at least once is all that can be promised, and the sink names the documents.
#[test]
fn without_ids() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..100));
    server.next(1, Fault::after_storing(How::Close));
    succeed(place.ship(&server, &[&"--once", &"--id", &"none"]));
    server.with(|state| {
        assert_eq!((state.store.numbers.seen(), state.store.conflicts), (100, 0));
        assert!(state.store.numbers.extra() > 0, "it was sent twice");
        assert!(state.store.in_index(STREAM).documents.iter().all(|document| document.id.starts_with("auto")));
    });
}

#[test]
fn ids_are_short_and_of_one_kind() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..10));
    succeed(place.ship(&server, &[&"--once"]));
    server.with(|state| {
        let ids: Vec<_> = state.store.in_index(STREAM).documents.iter().map(|document| document.id.clone()).collect();
        let fits = |id: &String| id.len() == 28 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        assert!(ids.iter().all(fits), "{ids:?}");
        assert!(ids.iter().all(|id| id[..16] == ids[0][..16]), "the generation's part: {ids:?}");
    });
}

/// A new backing index knows no ids: the limit of what a sink can promise, which `docs/log-shipper.md` tells.
#[test]
fn an_index_rolled_over_between_the_tries() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..10));
    server.always(Fault::after_storing(How::Never));
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.within(Duration::from_secs(20), "stored", |state| state.store.stored() == 10);
    shipper.kill();
    server.recover();
    server.with(|state| state.store.roll_over(STREAM));
    succeed(place.ship(&server, &[&"--once"]));
    assert_eq!(server.with(|state| (state.store.numbers.seen(), state.store.numbers.extra())), (10, 10));
}
