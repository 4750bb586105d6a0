//! What becomes of logs when the configuration changes, and of numbers that were another log's.

use e2e::elasticsearch::Server;
use e2e::launch::pipe;
use e2e::shipper::{Place, STREAM, Shipper, free_port, get, metric, with};
use std::fs::{self, File};
use std::io::Write;

/// The last document's message, the path it is from, and its field `input`.
fn last(server: &Server) -> (String, String, String) {
    server.with(|state| {
        let document = state.store.in_index(STREAM).documents.last().unwrap().value();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        (text(&document["message"]), text(&document["log"]["file"]["path"]), text(&document["input"]))
    })
}

/// A log that is gone leaves nothing behind to the one that takes its place.
#[test]
fn a_log_in_the_place_of_another() {
    let (server, place, admin) = (Server::start(), Place::new(), free_port());
    let shipper = Shipper::start(with(place.ship(&server, &[]), &[&"--admin", &admin.to_string()]));
    place.append("a.log", "line of a\n");
    server.until_stored(1);
    fs::remove_file(place.log("a.log")).unwrap();
    let known = || get(admin, "/metrics").unwrap().1.contains("a.log");
    e2e::process::until("nothing is known of it any more", || !known());
    place.append("b.log", "line of b\n");
    server.until_stored(2);
    shipper.finish();
    assert_eq!(last(&server), ("line of b".into(), place.log("b.log").display().to_string(), String::new()));
}

/// The inputs are others, and stdin is what it was.
#[test]
fn stdin_stays() {
    let (server, place) = (Server::start(), Place::new());
    let config =
        |inputs: &str| format!("inputs: [{inputs}]\noutput: {{elasticsearch: {{urls: ['{}']}}}}\n", server.url());
    let (files, piped) = ("{files: [LOGS/*.log], fields: {input: files}}", "{files: ['-'], fields: {input: piped}}");
    let (read, write) = pipe().unwrap();
    let mut stdin = File::from(write);
    let shipper = Shipper::start(place.configured(&config(&format!("{files}, {piped}")), &[]).redirected(0, read));
    let mut count = 0;
    let mut comes = |line: &str| {
        writeln!(stdin, "{line}").unwrap();
        count += 1;
        server.until_stored(count);
        assert_eq!(last(&server), (line.into(), "-".into(), "piped".into()));
    };
    comes("first");
    for (number, inputs) in [piped, &format!("{piped}, {files}"), &format!("{files}, {piped}")].iter().enumerate() {
        place.configure(&config(inputs));
        e2e::process::until("it is followed", || shipper.said().matches("following the new").count() == number + 1);
        comes(&format!("after {number}"));
    }
    drop(stdin);
    shipper.finish();
}

/// What came through it and was not delivered goes the new way, although nobody writes to it any more.
#[test]
fn stdin_is_read_again() {
    for ended in [true, false] {
        let (server, place, nobody) = (Server::start(), Place::new(), format!("http://{}", free_port()));
        let config =
            |url: &str| format!("inputs: [{{files: ['-']}}]\noutput: {{elasticsearch: {{urls: ['{url}']}}}}\n");
        let (read, write) = pipe().unwrap();
        let mut stdin = File::from(write);
        let shipper = Shipper::start(place.configured(&config(&nobody), &[]).redirected(0, read));
        stdin.write_all(b"first\nsecond\n").unwrap();
        let mut stdin = Some(stdin).filter(|_| !ended);
        shipper.until_said("cannot deliver");
        place.configure(&config(&server.url()));
        server.until_stored(2);
        drop(stdin.take());
        let ended = shipper.end();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(server.with(|state| state.store.messages(STREAM)), ["first", "second"]);
    }
}

/// What came through it and was not shipped has nowhere to go.
#[test]
fn stdin_goes() {
    let (server, place, admin) = (Server::start(), Place::new(), free_port());
    let config =
        |inputs: &str| format!("inputs: [{inputs}]\noutput: {{elasticsearch: {{urls: ['{}']}}}}\n", server.url());
    let (read, write) = pipe().unwrap();
    let mut stdin = File::from(write);
    let launch = place.configured(&config("{files: ['-', LOGS/*.log]}"), &[&"--admin", &admin.to_string()]);
    let shipper = Shipper::start(launch.redirected(0, read));
    writeln!(stdin, "first").unwrap();
    server.until_stored(1);
    // That it is stored, the shipper hears a little later; what it has not heard it counts as not shipped.
    let delivered = || metric(&get(admin, "/metrics").unwrap().1, "log_shipper_delivered_total ");
    e2e::process::until("the first is delivered", || delivered() == Some(1.0));
    server.down();
    writeln!(stdin, "second").unwrap();
    shipper.until_said("cannot deliver");
    place.configure(&config("{files: [LOGS/*.log]}"));
    shipper.until_said("7 bytes that came through it were not shipped");
    server.up();
    place.append("a.log", "third\n");
    server.until_stored(2);
    shipper.finish();
    assert_eq!(server.with(|state| state.store.messages(STREAM)), ["first", "third"]);
}

/// What was to go to the old sink, and is in no file any more, cannot go to the new one: that is said and counted.
#[test]
fn what_is_in_no_file_any_more() {
    let (old, new, place, admin) = (Server::start(), Server::start(), Place::new(), free_port());
    let config = |server: &Server| {
        format!("inputs: [{{files: [LOGS/*.log]}}]\noutput: {{elasticsearch: {{urls: ['{}']}}}}\n", server.url())
    };
    let shown = |name: &str| metric(&get(admin, "/metrics").unwrap().1, name);
    old.down();
    place.append("a.log", "first\n");
    let shipper = Shipper::start(place.configured(&config(&old), &[&"--admin", &admin.to_string()]));
    shipper.until_said("cannot deliver");
    place.truncate("a.log");
    place.append("a.log", "next\n");
    e2e::process::until("it has read what is there now", || shown("log_shipper_lines_total ") == Some(2.0));
    assert_eq!(shown("log_shipper_lost_bytes_total "), Some(0.0));
    place.configure(&config(&new));
    shipper.until_said("6 bytes of ");
    new.until_stored(1);
    assert_eq!(shown("log_shipper_lost_bytes_total "), Some(6.0));
    let said = shipper.finish();
    assert!(said.contains("a.log from offset 0 on were truncated or removed before they could be shipped"), "{said}");
    assert_eq!(last(&new).0, "next");
}
