//! What it says of a command line, or of a file of configuration, that is none.

use e2e::shipper::{Place, launch};
use e2e::sidecar::{output, refuse, run};

#[test]
fn a_command_line_that_says_nothing_or_too_much() {
    let place = Place::new();
    let config = place.configure("inputs: [{files: [/x]}]\noutput: {stdout: {}}\n");
    refuse(launch(&[]), 2, &["no FILES to ship"]);
    refuse(launch(&[&"--config", &config, &"/var/log/*.log"]), 2, &["--config"]);
    refuse(launch(&[&"--config", &config, &"--to", &"null"]), 2, &["--config"]);
    refuse(launch(&[&"--to", &"ftp://x", &"/x"]), 2, &["ftp"]);
    refuse(launch(&[&"--index", &"a", &"--data-stream", &"b", &"/x"]), 2, &["cannot be used with"]);
    refuse(launch(&[&"--decode", &"xml", &"/x"]), 2, &["xml"]);
    refuse(launch(&[&"--config", &config, &"check"]), 2, &["'--config <FILE>' has to come after 'check'"]);
    refuse(
        launch(&[&"/var/log/*.log", &"check"]),
        2,
        &["`check` comes after FILES", "hint: write `log-shipper check …`"],
    );
    refuse(launch(&[&"/var/log/[a.log"]), 2, &["is no pattern of paths: ", "hint: `[[]`"]);
    let said = refuse(launch(&[&"--config", &config]).env("LOG_SHIPPER_TO", "null"), 2, &["'--to <SINK>'"]);
    assert!(said.ends_with("hint: set in the environment: LOG_SHIPPER_TO\n"), "{said}");
}

/// A flag that would change nothing was meant to change something.
#[test]
fn flags_of_another_sink() {
    for (flags, flag) in [
        (&["--index", "a"][..], "`--index` is for Elasticsearch"),
        (&["--data-stream", "a"], "`--data-stream` is for Elasticsearch"),
        (&["--compress", "zstd"], "`--compress` is for Elasticsearch"),
        (&["--id", "none"], "`--id` is for Elasticsearch"),
        (&["--to", "null", "--raw"], "`--raw` is for stdout"),
    ] {
        let launch = flags.iter().fold(launch(&[&"check", &"/x"]), |launch, flag| launch.arg(*flag));
        refuse(launch, 2, &[flag]);
    }
}

/// What is wrong with more than one field is told with its place, too.
#[test]
fn what_is_wrong_with_its_configuration_as_a_whole() {
    let place = Place::new();
    let sink =
        |what: &str| format!("inputs: [{{files: [/x]}}]\noutput:\n  elasticsearch: {{urls: ['http://a'], {what}}}\n");
    let input = |what: &str| format!("output: {{stdout: {{}}}}\ninputs:\n- files: [/x]\n  {what}\n");
    for (config, said) in [
        (sink("index: a, data-stream: b"), "config.yaml:3:18: `data-stream` and `index` are both set\nhint: "),
        (sink("requests: 0"), "config.yaml:3:18: `requests` is 0\nhint: "),
        (sink("index: 'a-%j'"), "config.yaml:3:18: `%j` in the index `a-%j` is no time\nhint: "),
        (sink("tls: {verify: ca}"), "config.yaml:3:18: `verify: ca` without `ca-file`\nhint: "),
        (input("fields: {message: a}"), "config.yaml:3:3: the field `message` is what log-shipper itself says\nhint: "),
        (input("multiline: {}"), "config.yaml:4:14: which lines belong together is not said\nhint: "),
        (input("path: '('"), "config.yaml:4:9: `(` is no regular expression: unclosed group\n"),
        ("output: {stdout: {}}\ninputs: []\n".into(), "config.yaml:2:9: `inputs` is empty"),
    ] {
        let path = place.configure(&config);
        refuse(launch(&[&"check", &"--config", &path]), 2, &[said]);
        refuse(place.configured(&config, &[&"--once"]), 2, &[said]);
    }
}

#[test]
fn what_is_not_there_yet() {
    let place = Place::new();
    let shown = output(launch(&[&"check", &place.log("a.log")]));
    assert!(shown.contains("a.log: 0 files\n  ") && shown.contains("a.log: is not there yet\n"), "{shown}");
    let nothing = |arguments: &[&dyn AsRef<std::ffi::OsStr>]| {
        let ended =
            run(e2e::sidecar::with(launch(&[&"--once", &"--state", &place.state, &place.log("*.log")]), arguments));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stderr
    };
    let said = nothing(&[]);
    assert!(
        said.contains("warning: there was nothing to ship: no file matches `") && said.contains("\nhint: "),
        "{said}"
    );
    place.append("a.log", "");
    assert_eq!(nothing(&[]), "", "an empty file is one");
}
