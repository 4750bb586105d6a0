//! Who scrapes: Prometheus itself, and many at once.

use super::{Exporter, OPENMETRICS, TEXT, config, has, serve};
use crate::real::is_there;
use e2e::process::until;
use e2e::sidecar::{free_port, get, metric};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

const QUEUES: &str = "format: json, metrics: [{name: app_queue_length, type: gauge, help: Length, each: '.queues[]', value: .n, labels: {queue: .name}}, {name: app_seen_total, type: counter, help: Seen, value: .seen}, {name: app_wait_seconds, type: histogram, help: Wait, unit: ms, buckets: .wait, sum: .waited}]";

const BODY: &str = r#"{"queues": [{"name": "a", "n": 3}, {"name": "b \"c\"", "n": 4.5}], "seen": 7, "wait": {"100": 1, "1000": 3}, "waited": 1234}"#;

/// Killed when dropped.
struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn prometheus_itself() {
    if !["promtool", "prometheus"].into_iter().all(is_there) {
        return;
    }
    let app = serve(|_| (200, BODY.into()));
    let exporter = Exporter::one(&format!("source: {{http: \"http://{app}/\"}}, {QUEUES}"));
    exporter.pages();
    let (home, web) = (tempfile::tempdir().unwrap(), free_port());
    let file = home.path().join("prometheus.yml");
    let scrape = format!(
        "global: {{scrape_interval: 200ms}}\nscrape_configs: [{{job_name: app, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
        exporter.proxy.listen
    );
    fs::write(&file, scrape).unwrap();
    let process = Command::new("prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", home.path().join("data").display()))
        .arg(format!("--web.listen-address={web}"))
        .stderr(Stdio::null())
        .spawn();
    let _prometheus = Prometheus(process.unwrap());
    let value = |query: &str| {
        let (_, answer) = get(web, &format!("/api/v1/query?query={query}")).ok()?;
        let answer: serde_json::Value =
            serde_json::from_str(answer.get(answer.find('{')?..=answer.rfind('}')?)?).ok()?;
        answer["data"]["result"][0]["value"][1].as_str()?.parse::<f64>().ok()
    };
    until("it has been scraped", || value("up{job=\"app\"}") == Some(1.0));
    for (query, expected) in [
        ("app_queue_length{queue=\"a\"}", 3.0),
        ("sum(app_queue_length)", 7.5),
        ("app_seen_total", 7.0),
        ("app_wait_seconds_bucket{le=\"0.1\"}", 1.0),
        ("app_wait_seconds_bucket{le=\"1.0\"}", 3.0),
        ("app_wait_seconds_count", 3.0),
        ("app_wait_seconds_sum", 1.234),
        ("adapter_up{target=\"app\"}", 1.0),
        ("scrape_samples_scraped", 15.0),
    ] {
        let encoded = query.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
        assert_eq!(value(&encoded), Some(expected), "{query}");
    }
}

#[test]
fn those_who_come_at_once_share_a_request_and_what_is_kept_saves_one() {
    let (asked, may_answer) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (counts, gate) = (asked.clone(), may_answer.clone());
    let app = serve(move |_| {
        counts.fetch_add(1, Ordering::SeqCst);
        until("it may answer", || gate.load(Ordering::SeqCst) > 0);
        (200, BODY.into())
    });
    let exporter = Exporter::one(&format!("cache: 1h, source: {{http: \"http://{app}/\"}}, {QUEUES}"));
    thread::scope(|scope| {
        let scrapes: Vec<_> = (0..4).map(|_| scope.spawn(|| exporter.answer(TEXT).1)).collect();
        until("the app is asked", || asked.load(Ordering::SeqCst) == 1);
        until("all four have come", || {
            exporter.proxy.metric("adapter_proxy_connections_total") >= 4 || asked.load(Ordering::SeqCst) > 1
        });
        may_answer.store(1, Ordering::SeqCst);
        for scrape in scrapes {
            has(&scrape.join().unwrap(), &["app_seen_total 7", "adapter_up{target=\"app\"} 1"]);
        }
    });
    has(&exporter.answer(OPENMETRICS).1, &["app_seen_total 7", "# EOF"]);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn an_app_that_is_away_or_talks_nonsense_is_down_and_the_rest_is_there() {
    let app = serve(|path| match path {
        "/right" => (200, "{\"v\": 1}".into()),
        "/nonsense" => (200, "{\"v\": ".into()),
        _ => (500, String::new()),
    });
    let target = |path: &str| {
        format!(
            "{{name: {path}, source: {{http: \"http://{app}/{path}\"}}, metrics: [{{name: v, labels: {{of: '\"{path}\"'}}, value: .v}}]}}"
        )
    };
    let gone = free_port();
    let exporter = Exporter::of(&format!(
        "{{targets: [{}, {}, {}, {{name: gone, source: {{talk: \"{gone}\"}}, metrics: [{{name: w}}]}}]}}",
        target("right"),
        target("nonsense"),
        target("wrong")
    ));
    let (text, _) = exporter.pages();
    has(
        &text,
        &[
            "v{of=\"right\"} 1",
            "adapter_up{target=\"right\"} 1",
            "adapter_up{target=\"nonsense\"} 0",
            "adapter_up{target=\"wrong\"} 0",
            "adapter_up{target=\"gone\"} 0",
            "adapter_series{target=\"gone\"} 0",
        ],
    );
    let said = exporter.proxy.terminate().stderr;
    for part in [
        "target `nonsense`",
        "target `wrong` of the page `app`: GET /wrong: status 500",
        "target `gone` of the page `app`: ",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn more_series_than_there_may_be_are_counted() {
    let app = serve(|_| (200, format!("[{}]", (0..1000).map(|n: i32| n.to_string()).collect::<Vec<_>>().join(","))));
    let target =
        format!("source: {{http: \"http://{app}/\"}}, metrics: [{{name: v, help: h, each: '.[]', labels: {{n: .}}}}]");
    let exporter = Exporter::of(&format!("{{max-series: 10, targets: [{{name: app, {target}}}]}}"));
    let (text, _) = exporter.pages();
    assert_eq!(text.matches("\nv{").count(), 10, "{text}");
    assert_eq!(metric(&text, "adapter_series{target=\"app\"}"), Some(10.0));
    assert_eq!(metric(&text, "adapter_series_dropped{reason=\"limit\",target=\"app\"}"), Some(990.0));
}

/// What was kept goes with a page that is another one now.
#[test]
fn a_new_configuration_is_another_page() {
    let app = serve(|_| (200, BODY.into()));
    let exporter = Exporter::one(&format!("cache: 1h, source: {{http: \"http://{app}/\"}}, {QUEUES}"));
    has(&exporter.answer(TEXT).1, &["app_seen_total 7"]);
    let page = format!(
        "{{targets: [{{name: app, source: {{http: \"http://{app}/\"}}, metrics: [{{name: other, value: .seen}}]}}]}}"
    );
    exporter.place.write(&config(exporter.proxy.listen, &page));
    until("it is followed", || exporter.answer(TEXT).1.contains("\nother 7\n"));
    assert!(!exporter.answer(TEXT).1.contains("app_seen_total"));
}
