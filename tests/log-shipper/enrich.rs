//! What documents are given beside their line, and what they are spared.

use e2e::elasticsearch::Server;
use e2e::shipper::{Place, STREAM, Shipper, output};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;

/// What comes of a log, with an input of this kind.
fn shipped(input: &str, path: &str, log: &str) -> Vec<Value> {
    let place = Place::new();
    place.append(path, log);
    let config = format!("inputs:\n- files: [LOGS/*.log, LOGS/*/*.log]\n{input}output: {{stdout: {{}}}}\n");
    let text = output(place.configured(&config, &[&"--once"]));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A field by its dotted name, however it is nested.
fn field<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
    let object = document.as_object()?;
    let nested = name.match_indices('.').find_map(|(dot, _)| field(object.get(&name[..dot])?, &name[dot + 1..]));
    object.get(name).or(nested)
}

#[test]
fn fixed_fields_and_those_of_the_path() {
    let input = "  fields: {service.name: shop, env: 'te\"st'}\n  path: '/(?P<app>[a-z]+)/(?P<kind>\\w+)\\.log$'\n";
    let found = shipped(input, "orders/access.log", "hi\n");
    for (name, expected) in
        [("service.name", "shop"), ("env", "te\"st"), ("app", "orders"), ("kind", "access"), ("message", "hi")]
    {
        assert_eq!(field(&found[0], name), Some(&json!(expected)), "{name}: {}", found[0]);
    }
}

#[test]
fn lines_by_pattern() {
    let input = "  lines: {include: [ERROR, WARN], exclude: [noise, '^#']}\n";
    let found = shipped(input, "a.log", "INFO x\nERROR y\n# ERROR z\nWARN noise\nWARN w\n");
    let messages: Vec<_> = found.iter().map(|document| document["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["ERROR y", "WARN w"]);
}

#[test]
fn fields_dropped_renamed_and_masked() {
    let input = concat!(
        "  decode: json\n",
        "  drop: [password, user.token]\n",
        "  rename: {msg: message, lvl: log.level}\n",
        "  mask: [{pattern: '\\b\\d{16}\\b'}, {field: user.mail, pattern: '^a@', with: 'someone@'}]\n",
    );
    let log = r#"{"msg":"card 1234567812345678","lvl":"info","password":"x","user":{"token":"t","mail":"a@b.c","id":7.0},"f":1e3}"#;
    let found = shipped(input, "a.log", &format!("{log}\nplain 1234567812345678\n"));
    assert_eq!((&found[0]["message"], &found[0]["f"]), (&json!("card ***"), &json!(1e3)));
    assert_eq!(field(&found[0], "log.level"), Some(&json!("info")));
    assert_eq!(found[0]["user"], json!({"mail": "someone@b.c", "id": 7.0}));
    for name in ["password", "msg", "lvl"] {
        assert_eq!(found[0].get(name), None, "{}", found[0]);
    }
    assert_eq!(found[1]["message"], "plain ***");
}

#[test]
fn what_the_pod_is() {
    let (server, place) = (Server::start(), Place::new());
    let podinfo = place.file("podinfo");
    // As kubelet lays a volume out, and changes it.
    let publish = |name: &str, labels: &str| {
        let data = podinfo.join(name);
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join("labels"), labels).unwrap();
        fs::write(data.join("annotations"), "note=\"a \\\"b\\\"\\nc\"\n").unwrap();
        symlink(name, podinfo.join("..data_tmp")).unwrap();
        fs::rename(podinfo.join("..data_tmp"), podinfo.join("..data")).unwrap();
    };
    publish("..1", "app=\"shop\"\napp.kubernetes.io/name=\"x\"\n");
    for name in ["labels", "annotations"] {
        symlink(format!("..data/{name}"), podinfo.join(name)).unwrap();
    }
    let config = format!(
        "inputs: [{{files: [LOGS/*.log]}}]\noutput: {{elasticsearch: {{urls: ['{}']}}}}\nkubernetes: {{podinfo: HOME/podinfo}}\n",
        server.url()
    );
    let launch = place.configured(&config, &[]);
    let variables = [
        ("POD_NAME", "shop-1"),
        ("POD_NAMESPACE", "web"),
        ("POD_UID", "u-1"),
        ("POD_IP", "10.0.0.1"),
        ("NODE_NAME", "n1"),
    ];
    let shipper = Shipper::start(variables.iter().fold(launch, |launch, (name, value)| launch.env(name, value)));
    place.append("a.log", "first\n");
    server.until_stored(1);
    publish("..2", "app=\"changed\"\n");
    let mut stored = 1;
    let label =
        || server.with(|state| state.store.in_index(STREAM).documents.last().unwrap().value()["kubernetes"].clone());
    let first = label();
    e2e::process::until("the new label is in", || {
        place.append("a.log", "next\n");
        stored += 1;
        server.until_stored(stored);
        field(&label(), "labels.app") == Some(&json!("changed"))
    });
    shipper.finish();
    for (name, expected) in [
        ("pod.name", "shop-1"),
        ("namespace", "web"),
        ("pod.uid", "u-1"),
        ("pod.ip", "10.0.0.1"),
        ("node.name", "n1"),
        ("labels.app", "shop"),
        ("annotations.note", "a \"b\"\nc"),
    ] {
        assert_eq!(field(&first, name), Some(&json!(expected)), "{name}: {first}");
    }
}
