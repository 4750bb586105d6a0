//! What it says of a command line that is none: also of what the environment has a part in.

use e2e::proxy::{self, Place};
use e2e::sidecar::refuse;
use serde_json::Value;

const LISTENER: &str =
    "listeners: [{listen: '127.0.0.1:1', protocol: http, cluster: c}]\nclusters: {c: {endpoints: [a:1]}}\n";

/// What stands before a subcommand is not read by it, and must not be passed over.
#[test]
fn a_flag_before_the_subcommand() {
    let place = Place::new(LISTENER);
    let config = place.config();
    for subcommand in ["check", "explain"] {
        let launch = proxy::launch(&[&"--config", &config, &subcommand, &"--config", &config, &"GET /"]);
        // `check` takes no request.
        let launch = if subcommand == "check" { proxy::launch(&[&"--config", &config, &"check"]) } else { launch };
        refuse(launch, 2, &[&format!("'--config <FILE>' has to come after '{subcommand}'")]);
    }
    // What all of them have may stand anywhere, and what the environment says is for all.
    let launch = proxy::launch(&[&"--log-format", &"text", &"--admin", &"off", &"check"]);
    e2e::sidecar::succeed(launch.env("ADAPTER_PROXY_CONFIG", config.to_str().unwrap()));
}

/// Nobody wrote the flag that clap names.
#[test]
fn a_variable_is_named_that_is_wrong() {
    let launch = || proxy::launch(&[&"--listen", &"127.0.0.1:1", &"--to", &"a:1"]);
    let said = refuse(launch().env("ADAPTER_PROXY_DRAIN_TIMEOUT", "1d"), 2, &["'1d' for '--drain-timeout <TIME>'"]);
    assert!(said.ends_with("hint: set in the environment: ADAPTER_PROXY_DRAIN_TIMEOUT\n"), "{said}");
    let said = refuse(launch().env("ADAPTER_PROXY_QUIT", "perhaps"), 2, &["expected `true` or `false`"]);
    assert!(said.ends_with("hint: set in the environment: ADAPTER_PROXY_QUIT\n"), "{said}");
    refuse(
        launch().env("ADAPTER_PROXY_CONFIG", "x"),
        2,
        &["cannot be used with", "environment: ADAPTER_PROXY_CONFIG\n"],
    );
    // The command line counts more, so that is what is wrong here.
    let launch = proxy::launch(&[&"--drain-timeout", &"1d"]).env("ADAPTER_PROXY_DRAIN_TIMEOUT", "25s");
    assert!(!refuse(launch, 2, &["1d"]).contains("environment"));
}

#[test]
fn mistakes_as_json() {
    for (launch, message, hint) in [
        (proxy::launch(&[&"--log-format=json", &"--too", &"a:1"]), "unexpected argument '--too' found", "'--to'"),
        (
            proxy::launch(&[&"--log-format", &"json", &"--to", &"a"]),
            "invalid value 'a' for '--to <ENDPOINT>'",
            "--help",
        ),
        (
            proxy::launch(&[]).env("ADAPTER_PROXY_LOG_FORMAT", "json").env("ADAPTER_PROXY_PROTOCOL", "udp"),
            "[possible values: tcp, http]",
            "environment: ADAPTER_PROXY_PROTOCOL",
        ),
    ] {
        let said = refuse(launch, 2, &[]);
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
        assert_eq!((&said["level"], &said["program"]), (&"error".into(), &"adapter-proxy".into()));
        assert!(said["message"].as_str().unwrap().contains(message), "{said}");
        assert!(said["hint"].as_str().unwrap().contains(hint), "{said}");
    }
}

#[test]
fn what_is_to_be_tried() {
    let place = Place::new(LISTENER);
    let attempt = |what: &[&str]| {
        let launch = proxy::launch(&[&"try", &"--config", &place.config()]);
        what.iter().fold(launch, |launch, argument| launch.arg(*argument))
    };
    refuse(attempt(&[]), 2, &["<--route <NAME>|--page <NAME>>"]);
    refuse(attempt(&["--route", "r", "--page", "p"]), 2, &["cannot be used with"]);
    refuse(attempt(&["--route", "r"]), 2, &["there is no route `r`", "hint: there are none"]);
    refuse(attempt(&["--page", "p"]), 2, &["there is no page `p`", "hint: there are none"]);
}
