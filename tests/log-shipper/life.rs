//! Its beginning and its end, and what it answers in between.

use e2e::elasticsearch::{Fault, How, Server};
use e2e::shipper::{
    Place, STREAM, Shipper, expect_all, expect_order, free_port, get, lines, metric, output, refuse, run, succeed, with,
};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

#[test]
fn what_is_there_is_delivered_before_it_leaves() {
    let (server, place) = (Server::start(), Place::new());
    let shipper = Shipper::start(place.ship(&server, &[&"--drain-timeout", &"2m"]));
    place.append("a.log", lines(0..1));
    server.until_stored(1);
    place.append("a.log", lines(1..100_000));
    place.append("b.log", lines(100_000..100_010));
    let ended = shipper.terminate_within(Duration::from_mins(2));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    expect_all(&server, 100_010);
}

/// Who is asked to stop together with it may still have something to say.
#[test]
fn last_words_of_others() {
    let (server, place) = (Server::start(), Place::new());
    let shipper = Shipper::start(place.ship(&server, &[&"--quiet-for", &"2s"]));
    place.append("a.log", lines(0..10));
    server.until_stored(10);
    shipper.signal(Signal::SIGTERM);
    shipper.until_said("asked to stop");
    for number in 1..5 {
        place.append("a.log", lines(number * 10..number * 10 + 10));
        server.until_stored(number * 10 + 10);
    }
    place.append("b.log", lines(50..60));
    let ended = shipper.end();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    expect_all(&server, 60);
}

/// Where nobody tells that a log is written to, it is looked at once more before it leaves.
#[test]
fn last_words_where_inotify_does_not_work() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..10));
    let shipper = Shipper::start(place.ship(&server, &[]).refused(libc::SYS_inotify_init1, Errno::EMFILE));
    server.until_stored(10);
    // When this is stored, it has just looked: by itself it does not do so again within `--quiet-for`.
    place.append("a.log", lines(10..20));
    server.until_stored(20);
    place.append("a.log", lines(20..30));
    place.append("b.log", lines(30..40));
    shipper.finish();
    expect_all(&server, 40);
}

#[test]
fn what_cannot_be_delivered_in_time_is_said() {
    let (server, place) = (Server::start(), Place::new());
    for fault in [None, Some(How::Never), Some(How::Slowly(Duration::from_secs(1)))] {
        let before = server.with(|state| state.store.numbers.seen());
        server.recover();
        let shipper = Shipper::start(place.ship(&server, &[&"--drain-timeout", &"1s"]));
        place.append("a.log", lines(before..before + 10));
        server.until_stored(before + 10);
        match &fault {
            None => server.down(),
            Some(how) => server.always(Fault::instead(how.clone())),
        }
        place.append("a.log", lines(before + 10..before + 20));
        let ended = shipper.terminate();
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().filter(|line| line.contains("/a.log")).count(), 1, "{}", ended.stderr);
        server.recover();
        if fault.is_none() {
            server.up();
        }
        succeed(place.ship(&server, &[&"--once"]));
    }
    expect_all(&server, 60);
    expect_order(&server);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for second in [Signal::SIGTERM, Signal::SIGINT] {
        let (server, place) = (Server::start(), Place::new());
        server.always(Fault::instead(How::Never));
        let shipper = Shipper::start(place.ship(&server, &[&"--drain-timeout", &"10m"]));
        place.append("a.log", lines(0..10));
        server.until("it is sending", |state| !state.requests.is_empty());
        shipper.signal(Signal::SIGTERM);
        shipper.until_said("asked to stop");
        shipper.signal(second);
        assert_eq!(shipper.end().code, 1);
    }
}

#[test]
fn once() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..1000));
    place.append("b.log", lines(1000..2000).trim_end());
    succeed(place.ship(&server, &[&"--once"]));
    expect_all(&server, 2000);
    succeed(place.to(&server.url(), &[&"--once", &place.log("nothing/*.log")]));
}

#[test]
fn once_and_the_sink_is_gone() {
    let (server, place) = (Server::start(), Place::new());
    server.down();
    place.append("a.log", lines(0..10));
    let shipper = Shipper::start(place.ship(&server, &[&"--once", &"--drain-timeout", &"100ms"]));
    shipper.until_said(server.url().trim_start_matches("http://"));
    let ended = shipper.terminate();
    assert!(ended.code == 1 && ended.stderr.contains("a.log"), "{}", ended.stderr);
    server.up();
    succeed(place.ship(&server, &[&"--once"]));
    expect_all(&server, 10);
}

#[test]
fn its_admin_endpoint() {
    let (server, place, admin) = (Server::start(), Place::new(), free_port());
    let probe = |which: &str| run(e2e::shipper::launch(&[&"probe", &which, &"--admin", &admin.to_string()]));
    assert_eq!(probe("live").code, 1, "nobody is there");
    place.append("a.log", lines(0..100));
    let shipper = Shipper::start(with(place.ship(&server, &[]), &[&"--admin", &admin.to_string()]));
    server.until_stored(100);
    assert_eq!((get(admin, "/livez").unwrap().0, get(admin, "/readyz").unwrap().0), (200, 200));
    assert_eq!((probe("live").code, probe("ready").code), (0, 0));
    assert_eq!(get(admin, "/nothing").unwrap().0, 404);
    // It can do its part, whether the sink can or not.
    server.down();
    place.append("a.log", lines(100..200));
    shipper.until_said(server.url().trim_start_matches("http://"));
    assert_eq!((get(admin, "/readyz").unwrap().0, probe("ready").code), (200, 0));
    server.up();
    server.until_stored(200);
    // It hears of it a little later.
    let delivered = |page: &str| metric(page, "log_shipper_delivered_total ") == Some(200.0);
    e2e::process::until("all is delivered", || delivered(&get(admin, "/metrics").unwrap().1));
    let (status, page) = get(admin, "/metrics").unwrap();
    assert_eq!(status, 200);
    let samples = page.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    for sample in samples {
        assert!(sample.starts_with("log_shipper_"), "{sample}");
        assert!(sample.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{sample}");
    }
    let path = place.log("a.log").display().to_string();
    for (name, value) in [
        ("log_shipper_lines_total", Some(200.0)),
        ("log_shipper_left_out_total", Some(0.0)),
        ("log_shipper_shipped_bytes_total", None),
        ("log_shipper_lost_bytes_total", Some(0.0)),
        ("log_shipper_files", Some(1.0)),
        (&format!("log_shipper_lag_bytes{{path=\"{path}\"}}"), None),
        (&format!("log_shipper_lag_seconds{{path=\"{path}\"}}"), None),
        ("log_shipper_batches_total", None),
        ("log_shipper_delivered_total", None),
        ("log_shipper_batches_in_flight", None),
        ("log_shipper_sent_bytes_total", None),
        ("log_shipper_retried_total", None),
        ("log_shipper_requests_total{outcome=\"answered\"}", None),
        ("log_shipper_dropped_total", Some(0.0)),
        ("log_shipper_sink_up", Some(1.0)),
        ("log_shipper_save_failures_total", Some(0.0)),
        ("log_shipper_reloads_total{result=\"followed\"}", Some(0.0)),
        ("log_shipper_reloads_total{result=\"refused\"}", Some(0.0)),
        ("log_shipper_resident_memory_bytes", None),
    ] {
        let found = metric(&page, &format!("{name} "));
        assert!(found.is_some() && (value.is_none() || found == value), "{name} is {found:?}: {page}");
    }
    assert!(page.contains("\n# TYPE log_shipper_dead_letters_total counter\n"), "{page}");
    shipper.finish();
}

#[test]
fn what_is_wrong_with_its_configuration() {
    let place = Place::new();
    for (config, at, words) in [
        ("inputs: [{files: [/x]}]\noutput: {stdout: {}}\nother: 1\n", "config.yaml:3:1", &["other"][..]),
        ("inputs:\n- files: [/x]\n  decoed: json\noutput: {stdout: {}}\n", "config.yaml:3:3", &["decoed", "decode"]),
        ("inputs:\n- files: [/x]\n  decode: jsn\noutput: {stdout: {}}\n", "config.yaml:3:11", &["jsn", "json"]),
        ("inputs:\n- files: [/x]\n  max-line: much\noutput: {stdout: {}}\n", "config.yaml:3:13", &["size"]),
        ("inputs:\n- files: [/x]\n  lines: {include: ['(']}\noutput: {stdout: {}}\n", "config.yaml:3:21", &[]),
        ("inputs:\n- files: [/x]\n", "config.yaml:", &["output"]),
        ("inputs:\n- files: [/x\n", "config.yaml:", &[]),
        ("output: {elasticsearch: {urls: ['ftp://x']}}\ninputs: [{files: [/x]}]\n", "config.yaml:", &["ftp"]),
        ("output: {elasticsearch: {urls: []}}\ninputs: [{files: [/x]}]\n", "config.yaml:", &["urls"]),
        ("inputs: [{files: []}]\noutput: {stdout: {}}\n", "config.yaml:", &["files"]),
        ("inputs: [{files: [relative]}]\noutput: {stdout: {}}\n", "config.yaml:", &["relative"]),
    ] {
        let said = refuse(place.configured(config, &[&"--once"]), 2, words);
        assert!(said.contains(at), "not at {at}: {said}");
        let path = place.configure(config);
        refuse(e2e::shipper::launch(&[&"check", &"--config", &path]), 2, words);
    }
    refuse(e2e::shipper::launch(&[&"--config", &"/nowhere.yaml"]), 2, &["/nowhere.yaml"]);
}

/// What is shown of a file is what would be shipped of it, by the input that would ship it.
#[test]
fn check_shows_what_would_be_shipped() {
    let place = Place::new();
    fs::write(place.file("secret"), "secret\n").unwrap();
    place.append("a.log", "one\n");
    place.append("b.log", "two\n");
    symlink(place.file("secret"), place.log("c.log")).unwrap();
    let path = place.configure(
        "inputs:\n- {files: [LOGS/a.log], fields: {by: first}}\n- {files: [LOGS/*.log], confine: [LOGS], fields: {by: second}}\n\
         output: {stdout: {}}\n",
    );
    let shown = output(e2e::shipper::launch(&[&"check", &"--config", &path, &"--state", &place.state]));
    let shown: Vec<&str> = shown.lines().map(str::trim).collect();
    let count_of = |what: &str| shown.iter().filter(|line| line.contains(what)).count();
    assert_eq!(
        (count_of("\"one\""), count_of("\"by\":\"first\""), count_of("\"by\":\"second\"")),
        (1, 1, 1),
        "{shown:?}"
    );
    assert!(shown[0].ends_with("a.log: 1 file") && count_of("*.log: 2 files") == 1, "{shown:?}");
    assert!(count_of("secret") == 1 && count_of("c.log: cannot be read: it is ") == 1, "{shown:?}");
}

/// A file of configuration that changes is followed; one that is wrong is not.
#[test]
fn the_configuration_changes() {
    let (server, place) = (Server::start(), Place::new());
    let config = |version: &str| {
        format!(
            "inputs: [{{files: [LOGS/*.log], fields: {{version: '{version}'}}}}]\noutput: {{elasticsearch: {{urls: ['{}']}}}}\n",
            server.url()
        )
    };
    let shipper = Shipper::start(place.configured(&config("one"), &[]));
    let mut count = 0;
    let mut version = || {
        place.append("a.log", lines(count..count + 1));
        count += 1;
        server.until_stored(count);
        server.with(|state| state.store.in_index(STREAM).documents.last().unwrap().value()["version"].clone())
    };
    assert_eq!(version(), "one");
    place.configure("inputs: [{files: nonsense\n");
    shipper.until_said("config.yaml:");
    assert_eq!(version(), "one");
    place.configure(&config("two"));
    e2e::process::until("the new one holds", || version() == "two");
    shipper.finish();
    expect_all(&server, count);
    expect_order(&server);
}

/// It ends as fast as it can: the deadline is for what needs it.
#[test]
fn nothing_to_do_is_done_soon() {
    let (server, place) = (Server::start(), Place::new());
    place.append("a.log", lines(0..10));
    let shipper = Shipper::start(place.ship(&server, &[&"--drain-timeout", &"10m"]));
    server.until_stored(10);
    let start = Instant::now();
    shipper.finish();
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}
