//! Where pages are from, and in which formats.

use super::{Exporter, has};
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread;

/// What a page has of a file that says this.
fn of_file(content: &str, target: &str, lines: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("status");
    std::fs::write(&path, content).unwrap();
    let exporter = Exporter::one(&format!("source: {{file: {}}}, {target}", path.display()));
    let (text, _) = exporter.pages();
    has(&text, lines);
    has(&text, &["adapter_up{target=\"app\"} 1", "adapter_values_unusable{target=\"app\"} 0"]);
}

#[test]
fn files_in_each_format() {
    of_file(
        "<s><q n='a'>1</q><q n='b'>2</q></s>",
        "format: xml, metrics: [{name: q, help: h, each: '.s.q[]', value: '.\"#text\"', labels: {n: '.\"@n\"'}}]",
        &["q{n=\"a\"} 1", "q{n=\"b\"} 2"],
    );
    of_file(
        "a: 1\nb: [2, 3]\n",
        "format: yaml, metrics: [{name: b, help: h, each: '.b | to_entries[]', value: .value, labels: {n: .key}}]",
        &["b{n=\"0\"} 2", "b{n=\"1\"} 3"],
    );
    of_file(
        "# name,up\nx,yes\ny,no\n",
        "format: csv, metrics: [{name: up, help: h, each: '.[]', value: .up, values: {yes: 1, no: 0}, labels: {name: .name}}]",
        &["up{name=\"x\"} 1", "up{name=\"y\"} 0"],
    );
    of_file(
        "workers=4\nidle = 25%\n",
        "format: {pairs: \"=\"}, metrics: [{name: workers, help: h, value: .workers}, {name: idle_ratio, help: h, value: .idle, unit: percent}]",
        &["workers 4", "idle_ratio 0.25"],
    );
    of_file(
        "GET /a took 12 ms\nnothing\nPUT /b took 7 ms\n",
        "format: {lines: '^(?<method>[A-Z]+) (?<path>\\S+) took (?<took>.+)$'}, metrics: [{name: took_seconds, help: h, each: '.[]', value: .took, unit: ms, labels: {path: .path, method: .method}}]",
        &["took_seconds{method=\"GET\",path=\"/a\"} 0.012", "took_seconds{method=\"PUT\",path=\"/b\"} 0.007"],
    );
    of_file(
        "12 users",
        "format: text, metrics: [{name: users, help: h, value: 'capture(\"(?<n>[0-9]+) users\").n'}]",
        &["users 12"],
    );
}

#[test]
fn http_over_a_unix_socket_and_memcached_s_talk() {
    let directory = tempfile::tempdir().unwrap();
    let (web, cache) = (directory.path().join("web"), directory.path().join("cache"));
    for (path, end, answer) in [
        (&web, "\r\n\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{\"v\": 1}\r\n0\r\n\r\n"),
        (&cache, "stats\r\n", "STAT pid 1\r\nSTAT curr_items 7\r\nEND\r\n"),
    ] {
        let listener = UnixListener::bind(path).unwrap();
        thread::spawn(move || {
            // Nobody closes: what is there is enough.
            let mut open = vec![];
            for stream in listener.incoming() {
                let (mut stream, mut asked) = (stream.unwrap(), vec![]);
                while !asked.ends_with(end.as_bytes()) {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    asked.push(byte[0]);
                }
                stream.write_all(answer.as_bytes()).unwrap();
                open.push(stream);
            }
        });
    }
    let exporter = Exporter::of(&format!(
        "{{targets: [
            {{name: web, source: {{unix: {}, path: /s}}, metrics: [{{name: v, help: h, value: .v}}]}},
            {{name: cache, source: {{talk: \"unix:{}\", send: \"stats\\r\\n\", until: {{text: \"END\\r\\n\"}}}}, format: {{lines: '^STAT (?<k>\\S+) (?<v>\\S+)'}},
              metrics: [{{name: memcached_current_items, help: h, each: '.[] | select(.k == \"curr_items\")', value: .v}}]}}]}}",
        web.display(),
        cache.display()
    ));
    has(&exporter.pages().0, &["v 1", "memcached_current_items 7", "adapter_up{target=\"cache\"} 1"]);
}

#[test]
fn a_file_that_comes_later() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("status.json");
    let exporter =
        Exporter::one(&format!("source: {{file: {}}}, metrics: [{{name: v, help: h, value: .v}}]", path.display()));
    has(&exporter.pages().0, &["adapter_up{target=\"app\"} 0"]);
    std::fs::write(&path, "{\"v\": 5}").unwrap();
    has(&exporter.pages().0, &["adapter_up{target=\"app\"} 1", "v 5"]);
    exporter.proxy.sidecar.until_said("the target `app` of the page `app` is there again");
}
