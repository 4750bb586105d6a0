//! What it is asked: arguments, the environment in their place, and what it says of mistakes.

use crate::run::{Place, launch, put, refuse, run, succeed, write};
use e2e::command::copy_program;
use e2e::launch::{Launch, pipe};
use std::fs;
use std::io::Read;

#[test]
fn without_arguments_artifacts_go_to_app() {
    if !e2e::is_root() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    copy_program(&e2e::program("war-copy"), &root.path().join("war-copy")).unwrap();
    let launch = || Launch::new("/war-copy".as_ref()).in_root(root.path());
    refuse(launch(), 1, &["/app does not exist", "hint: mount a volume there"]);
    fs::create_dir(root.path().join("app")).unwrap();
    refuse(launch(), 1, &["cannot read /artifacts/.", "COPY sample.war /artifacts/"]);
    write(root.path().join("artifacts/sample.war"), "sample");
    assert!(succeed(launch()).contains("1 file put in /app"));
    assert_eq!(fs::read(root.path().join("app/sample.war")).unwrap(), b"sample");
}

#[test]
fn help_and_version_are_data() {
    for (argument, expected) in [("--help", "--chown <UID:GID>"), ("--version", env!("CARGO_PKG_VERSION"))] {
        let (reader, writer) = pipe().unwrap();
        assert_eq!(succeed(launch(&[&argument]).redirected(1, writer)), "");
        let mut said = String::new();
        fs::File::from(reader).read_to_string(&mut said).unwrap();
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn mistakes_of_usage_are_2_and_say_what_is_expected() {
    let place = Place::new();
    let digest = "0".repeat(63);
    for (arguments, expected) in [
        (&["--unknown"][..], "unexpected argument '--unknown'"),
        (&["one"], "hint: a source and where it goes: SOURCE... DEST"),
        (&["--max-size", "much", "a", "b"], "expected a size such as"),
        (&["--drain-timeout", "1d", "a", "b"], "expected a time such as"),
        (&["--chown", "tomcat", "a", "b"], "expected numbers such as"),
        (&["--sha256", "a", "a", "b"], "expected `FILE=HEX`"),
        (&["--sha256", &format!("a={digest}"), "a", "b"], "64 hexadecimal digits"),
        (&["--no-verify", "--manifest", "m", "a", "b"], "cannot be used with"),
        (&["--log-format", "xml", "a", "b"], "possible values: text, json"),
    ] {
        let said = refuse(arguments.iter().fold(launch(&[]), |launch, argument| launch.arg(*argument)), 2, &[expected]);
        assert!(said.contains("error: "), "{said}");
    }
    assert!(fs::read_dir(&place.to).unwrap().next().is_none());
}

#[test]
fn a_failure_is_1_and_says_what_where_and_why() {
    let place = Place::new();
    let missing = place.from.join("missing.war");
    let said = refuse(launch(&[&missing, &place.to]), 1, &["war-copy: error: cannot read ", "No such file"]);
    assert!(said.contains(missing.to_str().unwrap()));
}

/// With `RUST_BACKTRACE` an error asks for the stack, of which the program has no tables.
#[test]
fn who_asks_for_backtraces_gets_the_error_all_the_same() {
    let place = Place::new();
    for (name, value) in [("RUST_BACKTRACE", "1"), ("RUST_BACKTRACE", "full"), ("RUST_LIB_BACKTRACE", "1")] {
        let launch = launch(&[&place.from.join("missing.war"), &place.to]).env(name, value);
        refuse(launch, 1, &["error: cannot read", "missing.war"]);
    }
}

#[test]
fn every_flag_is_a_variable() {
    let place = Place::new();
    write(place.from.join("sample/new"), "new");
    write(place.to.join("sample/old"), "old");
    let manifest = place.from.join("manifest");
    let contents = || launch(&[&place.from.join("sample"), &place.to]);
    let wrong = format!("sample/new={}", "0".repeat(64));
    refuse(contents().env("WAR_COPY_SHA256", &wrong), 1, &["--sha256 for sample/new"]);
    refuse(
        contents().env("WAR_COPY_MERGE", "perhaps"),
        2,
        &["perhaps", "hint: set in the environment: WAR_COPY_MERGE\n"],
    );
    refuse(contents().env("WAR_COPY_DRAIN_TIMEOUT", "soon"), 2, &["soon"]);
    refuse(contents().env("WAR_COPY_STAGING", "/nowhere"), 1, &["/nowhere"]);
    assert!(succeed(contents().env("WAR_COPY_NO_CLOBBER", "1")).contains("left as they were"));
    succeed(contents().env("WAR_COPY_MERGE", "true").env("WAR_COPY_MANIFEST", manifest.to_str().unwrap()));
    assert_eq!(fs::read(place.to.join("sample/old")).unwrap(), b"old", "merged");
    assert!(manifest.exists());
    let said = succeed(contents().env("WAR_COPY_LOG_FORMAT", "json").env("WAR_COPY_MERGE", "no"));
    assert!(said.starts_with('{'), "{said}");
    assert!(!place.to.join("sample/old").exists(), "replaced");
    fs::remove_dir_all(place.to.join("sample")).unwrap();
    let missing = place.to.join("a/b/");
    succeed(launch(&[&place.from.join("sample"), &missing]).env("WAR_COPY_PARENTS", "yes"));
    assert!(succeed(contents().env("WAR_COPY_NO_VERIFY", "1")).contains("not verified"));
    assert!(succeed(contents().env("WAR_COPY_VERBOSE", "1").env("WAR_COPY_NO_CLOBBER", "0")).contains("nothing to do"));
    // A flag that is switched off stands in nobody's way.
    let digest = format!("sample/new={}", e2e::archive::sha256(&place.from.join("sample/new")));
    succeed(contents().env("WAR_COPY_NO_VERIFY", "0").env("WAR_COPY_SHA256", &digest));
}

#[test]
fn messages_as_json() {
    let place = Place::new();
    write(place.from.join("a\"\n.war"), "sample");
    let said = put(&[&"--log-format=json", &"--verbose", &place.contents(), &place.to]);
    let lines: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{said}");
    for line in &lines {
        assert_eq!((&line["level"], &line["program"]), (&"info".into(), &"war-copy".into()));
    }
    assert!(lines[0]["message"].as_str().unwrap().contains("a\"\n.war' -> '"));
    let ended = run(launch(&[&"--log-format=json", &place.contents(), &"/nowhere/x"]));
    let error: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!((ended.code, &error["level"]), (1, &"error".into()));
    assert_eq!(error["hint"], "mount a volume there, or create it with --parents");
    let said = refuse(launch(&[&"--log-format=json", &"--drain-timeout", &"1d"]), 2, &[]);
    let error: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert!(
        error["message"].as_str().unwrap().starts_with("invalid value '1d' for '--drain-timeout <TIME>'"),
        "{said}"
    );
}

#[test]
fn a_name_makes_no_line_of_its_own_in_the_log() {
    let place = Place::new();
    write(place.from.join("a\nwar-copy: error: b\x1b[2J"), "sample");
    let said = put(&[&"--verbose", &place.contents(), &place.to]);
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.contains("a\\nwar-copy: error: b\\u{1b}[2J"), "{said}");
}
