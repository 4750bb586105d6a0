//! Elasticsearch as it should be: where documents go, who asks, and what it refuses for good.

use e2e::elasticsearch::{Authority, Server, Verdict};
use e2e::shipper::{Place, STREAM, Shipper, expect_all, expect_order, free_port, lines, succeed, with};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

/// A file of configuration with more about the sink.
fn config(urls: &[&str], more: &str) -> String {
    format!("inputs: [{{files: [LOGS/*.log]}}]\noutput:\n  elasticsearch:\n    urls: {urls:?}\n{more}")
}

#[test]
fn data_streams_and_indices() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..10));
    succeed(place.ship(&server, &[&"--once", &"--data-stream", &"logs-shop-test"]));
    let other = Place::new();
    other.append("a.log", lines(10..20));
    succeed(other.ship(&server, &[&"--once", &"--index", &"shop"]));
    assert_eq!(server.with(|state| ["logs-shop-test", "shop"].map(|name| state.store.in_index(name).stored)), [10, 10]);
}

#[test]
fn indices_by_the_time_of_the_event() {
    let (server, place) = (Server::start(), Place::new());
    for (day, hour) in [(20, 23), (21, 0), (21, 1)] {
        place.append("a.log", format!("2026-11-{day}T{hour:02}:30:00.5Z stdout F line\n"));
    }
    place.append("a.log", "2026-11-21T00:30:00+01:00 stdout F the day before in UTC\n");
    succeed(place.ship(&server, &[&"--once", &"--decode", &"cri", &"--index", &"shop-%Y.%m.%d"]));
    let stored =
        server.with(|state| ["shop-2026.11.20", "shop-2026.11.21"].map(|name| state.store.in_index(name).stored));
    assert_eq!(stored, [2, 2]);
}

#[test]
fn compressed() {
    for (encoding, factor) in [("none", 1), ("gzip", 4), ("zstd", 4)] {
        let (server, place) = (Server::start(), Place::new());
        place.append("a.log", lines(0..20_000));
        succeed(place.ship(&server, &[&"--once", &"--compress", &encoding]));
        expect_all(&server, 20_000);
        expect_order(&server);
        let (raw, plain) = server.with(|state| {
            state.requests.iter().fold((0, 0), |sum, request| (sum.0 + request.length.0, sum.1 + request.length.1))
        });
        assert!(raw * factor <= plain, "{encoding}: {raw} of {plain} bytes");
    }
}

/// Secrets are read again when they change: a token that has expired is no reason to lose a line.
#[test]
fn authorized_by_files() {
    let authority = Authority::new();
    for (auth, first, second) in [
        ("basic: {user: elastic, password-file: HOME/secret}", "Basic ZWxhc3RpYzpvbmU=", "Basic ZWxhc3RpYzp0d28="),
        ("api-key: {file: HOME/secret}", "ApiKey one", "ApiKey two"),
        ("bearer: {file: HOME/secret}", "Bearer one", "Bearer two"),
    ] {
        let (server, place) = (Server::start_tls(&authority), Place::new());
        fs::write(place.file("secret"), "one\n").unwrap();
        fs::write(place.file("ca.pem"), authority.pem()).unwrap();
        server.with(|state| state.authorization = Some(first.into()));
        let more = format!("    auth: {{{auth}}}\n    tls: {{verify: ca, ca-file: HOME/ca.pem}}\n");
        let shipper = Shipper::start(place.configured(&config(&[&server.url()], &more), &[]));
        place.append("a.log", lines(0..10));
        server.until_stored(10);
        server.with(|state| state.authorization = Some(second.into()));
        place.append("a.log", lines(10..20));
        shipper.until_said("401");
        fs::write(place.file("secret"), "two\n").unwrap();
        server.until_stored(20);
        let said = shipper.finish();
        assert!(
            !said.contains("one\n") && !said.contains("two\n") && !said.contains("ZWxh"),
            "a secret is said: {said}"
        );
        expect_all(&server, 20);
    }
}

#[test]
fn whom_to_believe() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = Server::start_tls(&authority);
    let elsewhere = Server::new(Some(authority.server(&["example.org"])));
    let mut count = 0;
    for (believed, server, verify, expected) in [
        (&authority, &server, "ca, ca-file: HOME/ca.pem", true),
        (&other, &server, "ca, ca-file: HOME/ca.pem", false),
        (&other, &server, "system", false),
        (&other, &server, "none", true),
        (&authority, &elsewhere, "ca, ca-file: HOME/ca.pem", false),
    ] {
        let place = Place::new();
        fs::write(place.file("ca.pem"), believed.pem()).unwrap();
        place.append("a.log", "line\n");
        let config = config(&[&server.url()], &format!("    tls: {{verify: {verify}}}\n"));
        let patience = if expected { "25s" } else { "0s" };
        let shipper = Shipper::start(place.configured(&config, &[&"--drain-timeout", &patience]));
        if expected {
            count += 1;
            server.until_stored(count);
            shipper.finish();
        } else {
            shipper.until_said("certificate");
            assert_eq!(shipper.terminate().code, 1);
        }
    }
    let place = Place::new();
    fs::write(place.file("ca.pem"), authority.pem()).unwrap();
    place.append("a.log", "line\n");
    let config = config(&[&server.url()], "    tls: {verify: system}\n");
    succeed(place.configured(&config, &[&"--once"]).env("SSL_CERT_FILE", place.file("ca.pem").to_str().unwrap()));
}

#[test]
fn several_urls() {
    let (first, second, place) = (Server::start(), Server::start(), Place::new());
    let nobody = format!("http://{}", free_port());
    let shipper = Shipper::start(place.configured(&config(&[&nobody, &first.url(), &second.url()], ""), &[]));
    place.append("a.log", lines(0..100));
    let stored = |server: &Server| server.with(|state| state.store.stored());
    e2e::process::until("one of them has it", || stored(&first) + stored(&second) == 100);
    let (has, other) = if stored(&first) > 0 { (&first, &second) } else { (&second, &first) };
    // Its answer has been read when the next line comes.
    place.append("a.log", lines(100..101));
    has.until_stored(101);
    has.down();
    place.append("a.log", lines(101..200));
    other.until("what the first one cannot have", |state| state.store.numbers.missing(200).all(|number| number < 101));
    shipper.finish();
    let missing = |server: &Server| server.with(|state| state.store.numbers.missing(200).collect::<Vec<_>>());
    assert_eq!(missing(has), (101..200).collect::<Vec<_>>());
    assert!(missing(other).len() >= 100, "what the first one had is sent to the second one, too");
}

fn dead_letters(place: &Place) -> Vec<Value> {
    let text = fs::read_to_string(place.state.join("dead-letters.ndjson")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_is_refused_for_good_blocks_nothing() {
    let (server, place) = (Server::start(), Place::new());
    server.judge(|item| if item.number.is_some_and(|n| n % 100 == 7) { Verdict::Conflict } else { Verdict::Store });
    place.append("a.log", lines(0..1000));
    let said = succeed(place.ship(&server, &[&"--once"]));
    let letters = dead_letters(&place);
    assert_eq!((letters.len(), server.with(|state| state.store.numbers.seen())), (10, 990));
    for (letter, number) in letters.iter().zip((7..).step_by(100)) {
        assert_eq!(letter["reason"]["type"], "document_parsing_exception");
        assert!(letter["reason"]["reason"].as_str().unwrap().contains("[level]"));
        assert!(letter["document"]["message"].as_str().unwrap().contains(&format!("n={number:08}")), "{letter}");
        assert_eq!((&letter["status"], letter["index"].as_str().unwrap().contains(STREAM)), (&400.into(), true));
    }
    assert!(said.contains("dead"), "{said}");
    // Nothing of it comes again.
    succeed(place.ship(&server, &[&"--once"]));
    assert_eq!(dead_letters(&place).len(), 10);
}

/// A mapping that was made by the first document.
#[test]
fn a_real_mapping_conflict() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", "{\"level\":3}\n{\"level\":\"high\"}\n{\"level\":{\"x\":1}}\n{\"level\":4}\n");
    succeed(place.ship(&server, &[&"--once", &"--decode", &"json"]));
    let letters = dead_letters(&place);
    assert_eq!((letters.len(), server.with(|state| state.store.stored())), (2, 2));
    assert_eq!(letters[0]["document"]["level"], "high");
}

#[test]
fn dead_letters_elsewhere() {
    let conflicts = |server: &Server| {
        server.judge(
            |item| if item.index == STREAM && item.number == Some(5) { Verdict::Conflict } else { Verdict::Store },
        );
    };
    let (server, place) = (Server::start(), Place::new());
    conflicts(&server);
    place.append("a.log", lines(0..10));
    let more = "    dead-letter: {index: logs-dead-default}\n";
    succeed(place.configured(&config(&[&server.url()], more), &[&"--once"]));
    let letter = server.with(|state| state.store.in_index("logs-dead-default").documents[0].value());
    assert!(letter["original"].as_str().unwrap().contains("n=00000005"), "{letter}");
    let (server, place) = (Server::start(), Place::new());
    conflicts(&server);
    place.append("a.log", lines(0..10));
    let more = "    dead-letter: {file: HOME/letters}\n";
    succeed(place.configured(&config(&[&server.url()], more), &[&"--once"]));
    assert!(fs::read_to_string(place.file("letters")).unwrap().contains("n=00000005"));
    let (server, place) = (Server::start(), Place::new());
    conflicts(&server);
    place.append("a.log", lines(0..10));
    succeed(place.configured(&config(&[&server.url()], "    dead-letter: discard\n"), &[&"--once"]));
    assert_eq!((dead_letters(&place).len(), server.with(|state| state.store.stored())), (0, 9));
}

/// A name alone is a file where log-shipper runs, and a letter is there once, also where the directory may not be read.
#[test]
fn dead_letters_in_a_file() {
    let letters = |place: &Place, file: &str, as_nobody: bool| {
        let server = Server::start();
        server.judge(|item| if item.number == Some(5) { Verdict::Conflict } else { Verdict::Store });
        place.append("a.log", lines(0..10));
        let config = config(&[&server.url()], &format!("    dead-letter: {{file: {file}}}\n"));
        let launch = place.configured(&config, &[&"--once"]).in_directory(&place.file("letters"));
        let said = succeed(if as_nobody { launch.as_user(65532, 65532, None) } else { launch });
        assert!(!said.contains("held back"), "{said}");
        let letters = fs::read_to_string(place.file("letters/letters.ndjson")).unwrap();
        assert_eq!(letters.matches("n=00000005").count(), 1, "{letters}");
    };
    let place = Place::new();
    fs::create_dir(place.file("letters")).unwrap();
    letters(&place, "letters.ndjson", false);
    if !e2e::is_root() {
        return;
    }
    let place = Place::new();
    fs::create_dir(place.file("letters")).unwrap();
    for (path, mode) in [(place.file(""), 0o777), (place.state.clone(), 0o777), (place.file("letters"), 0o733)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    letters(&place, "HOME/letters/letters.ndjson", true);
}

/// What is too large for the sink is sent in parts, and a document that is too large by itself is a dead letter.
#[test]
fn too_large_a_body() {
    let (server, place) = (Server::start(), Place::new());
    server.with(|state| state.max_content = Some(20_000));
    place.append("a.log", lines(0..2000) + &"x".repeat(100_000) + "\n" + &lines(2000..4000));
    succeed(place.ship(&server, &[&"--once"]));
    expect_all(&server, 4000);
    expect_order(&server);
    let letters = dead_letters(&place);
    assert_eq!((letters.len(), letters[0]["document"]["message"].as_str().map(str::len)), (1, Some(100_000)));
}

/// A line that arrives while nothing is in flight goes at once; those that come meanwhile go together.
#[test]
fn batches_are_as_large_as_the_sink_is_slow() {
    let (server, place) = (Server::start(), Place::new());
    let shipper = Shipper::start(place.ship(&server, &[]));
    for number in 0..20 {
        place.append("a.log", lines(number..number + 1));
        server.until_stored(number + 1);
    }
    let single = server.with(|state| state.requests.len());
    assert!(single >= 20, "one by one: {single}");
    server.down();
    place.append("a.log", lines(20..5000));
    server.up();
    server.until_stored(5000);
    shipper.finish();
    let together = server.with(|state| state.requests.len()) - single;
    assert!(together < 50, "{together} requests");
    expect_all(&server, 5000);
    expect_order(&server);
}

#[test]
fn order_is_kept_within_each_file() {
    let (server, place) = (Server::start(), Place::new());
    let mut random = 1_u64;
    server.judge(move |_| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        if random >> 60 == 0 { Verdict::Unavailable } else { Verdict::Store }
    });
    for number in 0..10 {
        place.append(&format!("{number}.log"), lines(number * 1000..number * 1000 + 1000));
    }
    let config = config(&[&server.url()], "    batch: 20KB\n    requests: 4\n");
    succeed(with(place.configured(&config, &[]), &[&"--once"]));
    expect_all(&server, 10_000);
    // An item that was refused for now comes later than its neighbours of the same request, but none of a later one.
    let messages = server.with(|state| state.store.messages(STREAM));
    let mut newest = [0; 10];
    for message in messages {
        let number: u64 = message.split("n=").nth(1).unwrap()[..8].parse().unwrap();
        let newest = &mut newest[usize::try_from(number / 1000).unwrap()];
        assert!(number + 300 > *newest, "{number} came after {newest}");
        *newest = number.max(*newest);
    }
}
