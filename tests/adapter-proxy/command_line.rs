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

/// Templates leave them so.
#[test]
fn an_empty_variable_says_nothing() {
    let launch = proxy::launch(&[&"check", &"--listen", &"127.0.0.1:1", &"--to", &"a:1"]);
    let launch = ["CONFIG", "QUIT", "PROTOCOL", "DRAIN_TIMEOUT", "LOG_FORMAT"].iter().fold(launch, |launch, flag| {
        launch.env(&format!("ADAPTER_PROXY_{flag}"), "") //
    });
    e2e::sidecar::succeed(launch);
}

#[test]
fn the_admin_endpoint_is_no_listener() {
    for (admin, listen) in
        [("127.0.0.1:9630", "127.0.0.1:9630"), ("127.0.0.1:9630", "0.0.0.0:9630"), ("[::]:1", "127.0.0.1:1")]
    {
        let launch = proxy::launch(&[&"--admin", &admin, &"check", &"--listen", &listen, &"--to", &"a:1"]);
        refuse(launch, 2, &[&format!("{admin} is the admin endpoint's, too"), "hint: choose another one for that"]);
    }
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

/// What is right word for word, and cannot be meant: with the place of it.
#[test]
fn what_leads_nowhere() {
    const CLUSTER: &str = "clusters: {c: {endpoints: [a:1]}}";
    let listener = |more: &str| format!("listeners:\n- listen: 127.0.0.1:1\n  {more}\n{CLUSTER}\n");
    // Others may well have the same port.
    for (listen, endpoint) in
        [("0.0.0.0:6379", "10.1.2.3:6379"), ("'[::]:6379'", "10.1.2.3:6379"), ("127.0.0.1:1", "127.0.0.2:1")]
    {
        let place = Place::new(&listener("cluster: c").replace("127.0.0.1:1", listen).replace("a:1", endpoint));
        e2e::sidecar::succeed(proxy::launch(&[&"check", &"--config", &place.config()]));
    }
    for (config, place, words) in [
        (format!("listeners: []\n{CLUSTER}"), "1:12", "nothing is listened on"),
        (format!("listeners:\n{CLUSTER}"), "1:10", "nothing is listened on"),
        (listener("cluster: d"), "3:12", "the cluster `d`, which is none\nhint: there are `c`"),
        (listener("cluster: d").replace(CLUSTER, ""), "3:12", "which is none\nhint: describe it in `clusters`"),
        (listener("cluster: c\n- listen: 127.0.0.1:1\n  cluster: c"), "4:11", "listened on twice"),
        (listener("cluster: c\n- listen: 0.0.0.0:1\n  cluster: c"), "4:11", "listened on by 127.0.0.1:1, too"),
        (listener("cluster: c\n- listen: '[::]:1'\n  cluster: c"), "4:11", "listened on by 127.0.0.1:1, too"),
        (listener("cluster: c").replace("a:1", "127.0.0.1:1"), "2:11", "leads to itself, by the endpoint 127.0.0.1:1"),
        (
            listener("cluster: c").replace("127.0.0.1:1", "0.0.0.0:1").replace("a:1", "127.0.0.9:1"),
            "2:11",
            "leads to itself",
        ),
        (listener("cluster: c\n  http: {hedge: false}"), "2:3", "has `http`, which is for requests"),
        (listener("cluster: c\n  idle-timeout: 0"), "4:17", "0 leaves no time at all"),
        (listener("cluster: ''").replace("c:", "'':"), "4:16", "the name of a cluster is empty"),
        (
            listener("cluster: c\n  protocol: http\n  http: {retries: {methods: [get]}}"),
            "5:30",
            "the method `get` is another one than `GET`",
        ),
        (listener("cluster: c\n  protocol: http\n  http: {retries: {tries: 0}}"), "5:27", "at least 1"),
        (listener("cluster: c\n  protocol: http\n  http: {try-timeout: 0s}"), "5:23", "no time at all"),
        (listener("cluster: c").replace("127.0.0.1:1", "127.0.0.1:0"), "2:11", "a port is from 1 to 65535"),
        (listener("cluster: c").replace("127.0.0.1:1", "127.0.0.1:99999"), "2:11", "a port is from 1 to 65535"),
        (listener("cluster: c").replace("127.0.0.1:1", "localhost:80"), "2:11", "and not a name"),
        (listener("cluster: c").replace("127.0.0.1:1", "':80'"), "2:11", "an address before the port"),
        (listener("cluster: c").replace("127.0.0.1:1", "http://127.0.0.1:80"), "2:11", "without `…://`"),
        (listener("cluster: c").replace("127.0.0.1:1", &format!("unix:/{}", "x".repeat(107))), "2:11", "107 bytes"),
        (listener("cluster: c").replace("a:1", "256.1.1.1:80"), "4:28", "neither an address nor a name"),
        (listener("cluster: c").replace("a:1", "http://shop:80"), "4:28", "without `…://`"),
    ] {
        let place_in = Place::new(&config);
        let launch = proxy::launch(&[&"check", &"--config", &place_in.config()]);
        refuse(launch, 2, &[&format!("{}:{place}: ", place_in.config().display()), words]);
    }
}
