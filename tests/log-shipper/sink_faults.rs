//! A sink that is down, slow, overloaded, or out of its mind: nothing is lost, nothing comes twice.

use e2e::elasticsearch::{Fault, How, Server, Verdict, When};
use e2e::shipper::{Place, Shipper, expect_all, expect_order, lines};
use std::time::Duration;

/// Patient for a second only.
fn config(server: &Server) -> String {
    format!(
        "inputs: [{{files: [LOGS/*.log]}}]\noutput:\n  elasticsearch:\n    urls: ['{}']\n    timeout: 1s\n",
        server.url()
    )
}

#[test]
fn whatever_it_answers() {
    let hows = [
        How::Never,
        How::Close,
        How::HalfClose,
        How::Reset,
        How::Rubbish,
        How::NotJson,
        How::Cut,
        How::Short,
        How::Endless,
        How::EndlessHead,
        How::Slowly(Duration::from_millis(1)),
    ];
    let faults = hows.iter().flat_map(|how| [When::Read, When::Stored].map(|when| Fault { when, how: how.clone() }));
    let unread = [How::Close, How::Reset, How::Never].map(|how| Fault { when: When::Unread, how });
    let statuses = [400, 401, 403, 404, 405, 406, 408, 413, 429, 500, 502, 503, 504].map(Fault::status);
    let redirect = [Fault::redirect("http://127.0.0.1:1/"), Fault::redirect("nonsense")];
    let (server, place) = (Server::start(), Place::new());
    let shipper = Shipper::start(place.configured(&config(&server), &[]));
    let mut count = 0;
    for fault in faults.chain(unread).chain(statuses).chain(redirect) {
        server.next(1, fault.clone());
        place.append("a.log", lines(count..count + 50));
        count += 50;
        server.until(&format!("{count} documents after {fault:?}"), |state| state.store.stored() >= count);
    }
    let said = shipper.finish();
    expect_all(&server, count);
    expect_order(&server);
    assert!(said.contains("http://127.0.0.1:1/"), "where it is redirected to is not said: {said}");
}

#[test]
fn an_answer_of_another_length() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..100));
    let shipper = Shipper::start(place.configured(&config(&server), &[]));
    server.until_stored(100);
    for items in [0, 1, 7, 1000] {
        let items = vec![r#"{"create":{"status":201}}"#; items].join(",");
        let body = format!(r#"{{"took":1,"errors":false,"items":[{items}]}}"#).into();
        let answer = e2e::elasticsearch::Answer { status: 200, headers: vec![], body };
        server.next(1, Fault::instead(How::Answer(answer)));
        let next = server.with(|state| state.store.stored());
        place.append("a.log", lines(next..next + 50));
        server.until_stored(next + 50);
    }
    shipper.finish();
    expect_all(&server, 300);
}

#[test]
fn some_items_later() {
    for verdict in [Verdict::Busy, Verdict::Unavailable] {
        let (server, place) = (Server::start(), Place::new());
        let mut seen = std::collections::HashSet::new();
        // Each tenth line is refused the first time.
        server.judge(move |item| match item.number {
            Some(number) if number % 10 == 3 && seen.insert(number) => verdict.clone(),
            _ => Verdict::Store,
        });
        place.append("a.log", lines(0..5000));
        e2e::shipper::succeed(place.ship(&server, &[&"--once"]));
        expect_all(&server, 5000);
        // They alone are sent again.
        assert_eq!(server.with(|state| state.requests.iter().map(|request| request.items).sum::<usize>()), 5500);
        assert_eq!(server.with(|state| state.store.conflicts), 0);
    }
}

/// The index may not be made: no event is at fault, so none is given up, and what to do is said.
#[test]
fn no_index_for_the_time_being() {
    for (verdict, words) in [
        (Verdict::NoIndex, ["404 index_not_found_exception", "hint: make the index"]),
        (Verdict::ManyShards, ["400 validation_exception", "`cluster.max_shards_per_node`"]),
    ] {
        let (server, place) = (Server::start(), Place::new());
        let config = config(&server) + "    dead-letter: discard\n";
        server.judge(move |_| verdict.clone());
        place.append("a.log", lines(0..100));
        let shipper = Shipper::start(place.configured(&config, &[]));
        for word in words {
            shipper.until_said(word);
        }
        server.judge(|_| Verdict::Store);
        server.until_stored(100);
        let said = shipper.finish();
        assert!(!said.contains("refused for good"), "{said}");
        expect_all(&server, 100);
    }
}

/// As it is told, or in its own time: not at once again, and not all at the same moment.
#[test]
fn it_waits_before_it_tries_again() {
    let (server, place) = (Server::start(), Place::new());
    let shipper = Shipper::start(place.ship(&server, &[]));
    server.next(1, Fault::status(429).with("retry-after", "2"));
    place.append("a.log", lines(0..10));
    server.until_stored(10);
    let times = server.with(|state| state.requests.iter().map(|request| request.at).collect::<Vec<_>>());
    assert!(times.len() == 2 && times[1] - times[0] >= Duration::from_millis(1900), "Retry-After is not honoured");
    server.next(8, Fault::status(503));
    place.append("a.log", lines(10..20));
    server.until_stored(20);
    let times = server.with(|state| state.requests.iter().skip(2).map(|request| request.at).collect::<Vec<_>>());
    assert_eq!(times.len(), 9);
    assert!(times[8] - times[0] > Duration::from_secs(1), "it does not wait: {:?}", times[8] - times[0]);
    shipper.finish();
    expect_all(&server, 20);
}

#[test]
fn down_for_a_while() {
    let (server, place) = (Server::start(), Place::new());
    let shipper = Shipper::start(place.ship(&server, &[]));
    for round in 0..3 {
        place.append("a.log", lines(round * 1000..round * 1000 + 500));
        server.until_stored(round * 1000 + 500);
        server.down();
        place.append("a.log", lines(round * 1000 + 500..round * 1000 + 1000));
        shipper.until_said(server.url().trim_start_matches("http://"));
        server.up();
        server.until_stored(round * 1000 + 1000);
    }
    let said = shipper.finish();
    expect_all(&server, 3000);
    expect_order(&server);
    // One message when it goes, one when it is back, not one for each try.
    assert!(said.lines().count() <= 12, "{said}");
}

/// It starts before the sink does.
#[test]
fn not_there_yet() {
    let (server, place) = (Server::start(), Place::new());
    server.down();
    place.append("a.log", lines(0..1000));
    let shipper = Shipper::start(place.ship(&server, &[]));
    shipper.until_said(server.url().trim_start_matches("http://"));
    place.rename("a.log", "a.log.1");
    place.append("a.log", lines(1000..2000));
    server.up();
    server.until_stored(2000);
    shipper.finish();
    expect_all(&server, 2000);
    expect_order(&server);
}
