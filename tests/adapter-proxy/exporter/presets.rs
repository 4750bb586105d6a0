//! Presets against the real servers that Debian has; Tomcat and Spring Boot as pages that were recorded.

use super::{Exporter, has, serve};
use crate::real::is_there;
use e2e::process::until;
use e2e::proxy::nginx::{self, Nginx};
use e2e::sidecar::{free_port, get, metric};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

/// Killed when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn are_there() -> bool {
    ["promtool", "prometheus"].into_iter().all(is_there)
}

#[test]
fn nginx_stub_status() {
    if !is_there(nginx::PROGRAM) || !are_there() {
        return;
    }
    let server = Nginx::start(free_port(), "location = /s { stub_status; } location / { return 200 hi; }");
    let page = format!("preset: nginx, source: {{http: \"http://{}/s\"}}", server.address);
    let exporter = Exporter::one(&page);
    for _ in 0..3 {
        assert_eq!(get(server.address, "/").unwrap().1, "hi");
    }
    let (text, openmetrics) = exporter.pages();
    // The connections of who waited for it to listen, of the three and of this.
    let accepted = metric(&text, "nginx_connections_accepted ").unwrap();
    assert!(accepted >= 5.0, "{text}");
    assert_eq!(metric(&text, "nginx_http_requests_total "), Some(4.0), "{text}");
    has(
        &text,
        &[
            "nginx_connections_active 1",
            "nginx_connections_reading 0",
            "nginx_connections_writing 1",
            "nginx_connections_waiting 0",
            "# TYPE nginx_connections_accepted counter",
            "# TYPE nginx_http_requests_total counter",
            "adapter_up{target=\"app\"} 1",
            "adapter_series{target=\"app\"} 7",
            "adapter_values_unusable{target=\"app\"} 0",
        ],
    );
    has(&openmetrics, &["# TYPE nginx_http_requests counter", "nginx_http_requests_total 5", "# EOF"]);
}

#[test]
fn redis() {
    if !is_there("redis-server") || !are_there() {
        return;
    }
    let (directory, address) = (tempfile::tempdir().unwrap(), free_port());
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let process = Command::new("redis-server")
        .args(["--port", &port, "--bind", &host, "--save", "", "--requirepass", "s3cret", "--dir"])
        .arg(directory.path())
        .stdout(Stdio::null())
        .spawn();
    let _server = Server(process.unwrap());
    until("redis answers", || TcpStream::connect(address).is_ok());
    let cli = |arguments: &[&str]| {
        let command = ["-h", &host, "-p", &port, "-a", "s3cret", "--no-auth-warning"];
        crate::real::said(Command::new("redis-cli").args(command).args(arguments))
    };
    cli(&["set", "a", "b"]);
    cli(&["-n", "3", "set", "c", "d", "ex", "100"]);
    let secret = directory.path().join("password");
    std::fs::write(&secret, "s3cret\n").unwrap();
    let exporter = Exporter::of(&format!(
        "{{targets: [
            {{name: right, preset: redis, source: {{talk: \"{address}\", send: \"AUTH {{password}}\\r\\nINFO\\r\\n\", secrets: {{password: {}}}}}}},
            {{name: wrong, preset: redis, source: {{talk: \"{address}\"}}}}]}}",
        secret.display()
    ));
    let (text, _) = exporter.pages();
    has(
        &text,
        &[
            "redis_db_keys{db=\"db0\"} 1",
            "redis_db_keys{db=\"db3\"} 1",
            "redis_db_keys_expiring{db=\"db0\"} 0",
            "redis_db_keys_expiring{db=\"db3\"} 1",
            "redis_rdb_last_bgsave_status 1",
            "# TYPE redis_commands_processed_total counter",
            "adapter_up{target=\"right\"} 1",
            "adapter_up{target=\"wrong\"} 0",
            "adapter_values_unusable{target=\"right\"} 0",
        ],
    );
    assert!(text.contains("redis_instance_info{maxmemory_policy=\"noeviction\",os=\"Linux "), "{text}");
    assert!(metric(&text, "redis_connected_clients ").is_some_and(|clients| clients >= 1.0), "{text}");
    assert!(metric(&text, "redis_memory_used_bytes ").is_some_and(|bytes| bytes > 100_000.0), "{text}");
    assert!(metric(&text, "adapter_series{target=\"right\"}").is_some_and(|count| count > 80.0), "{text}");
    let said = exporter.proxy.terminate().stderr;
    assert!(said.contains("target `wrong` of the page `app`") && said.contains("NOAUTH"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn haproxy() {
    if !["/usr/sbin/haproxy"].into_iter().all(is_there) || !are_there() {
        return;
    }
    let (home, web, gone) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let app = serve(|_| (200, "hi".into()));
    let (file, socket) = (home.path().join("haproxy.cfg"), home.path().join("s"));
    let text = format!(
        "global\n stats socket {} mode 600\ndefaults\n mode http\n timeout connect 1s\n timeout client 5s\n timeout server 5s\n\
         frontend web\n bind {web}\n default_backend app\nbackend app\n server a {app}\n server b {gone} check inter 10ms fall 1\n",
        socket.display()
    );
    std::fs::write(&file, text).unwrap();
    let process = Command::new("/usr/sbin/haproxy").arg("-db").arg("-f").arg(&file).stderr(Stdio::null()).spawn();
    let _server = Server(process.unwrap());
    until("haproxy listens", || TcpStream::connect(web).is_ok() && UnixStream::connect(&socket).is_ok());
    let exporter = Exporter::of(&format!(
        "{{targets: [{{name: info, preset: haproxy-info, source: {{talk: \"unix:{0}\"}}}}, {{name: stat, preset: haproxy-stat, source: {{talk: \"unix:{0}\"}}}}]}}",
        socket.display()
    ));
    until("b is down", || {
        exporter.answer("").1.contains("haproxy_server_status{proxy=\"app\",server=\"b\",state=\"DOWN\"} 1\n")
    });
    for _ in 0..3 {
        assert_eq!(get(web, "/").unwrap().1, "hi");
    }
    until("haproxy has counted the last, which it does after it has answered", || {
        exporter.answer("").1.contains("haproxy_frontend_http_responses_total{code=\"2xx\",proxy=\"web\"} 3\n")
    });
    let (text, openmetrics) = exporter.pages();
    has(
        &text,
        &[
            "haproxy_frontend_status{proxy=\"web\",state=\"UP\"} 1",
            "haproxy_frontend_status{proxy=\"web\",state=\"DOWN\"} 0",
            "haproxy_frontend_http_responses_total{code=\"2xx\",proxy=\"web\"} 3",
            "haproxy_backend_active_servers{proxy=\"app\"} 1",
            "haproxy_backend_loadbalanced_total{proxy=\"app\"} 3",
            "haproxy_server_status{proxy=\"app\",server=\"a\",state=\"UP\"} 1",
            "haproxy_server_status{proxy=\"app\",server=\"b\",state=\"UP\"} 0",
            "haproxy_server_http_responses_total{code=\"2xx\",proxy=\"app\",server=\"a\"} 3",
            "adapter_values_unusable{target=\"info\"} 0",
            "adapter_values_unusable{target=\"stat\"} 0",
            "adapter_series_dropped{reason=\"duplicate\",target=\"stat\"} 0",
        ],
    );
    // A connection without a request is one, too.
    let requests = metric(&text, "haproxy_frontend_http_requests_total{proxy=\"web\"}");
    assert!(requests.is_some_and(|requests| requests >= 3.0), "{text}");
    assert!(metric(&text, "haproxy_process_uptime_seconds ").is_some(), "{text}");
    assert!(metric(&text, "haproxy_backend_total_time_average_seconds{proxy=\"app\"}").is_some_and(|time| time < 5.0));
    assert!(text.contains("haproxy_process_build_info{version=\"2."), "{text}");
    has(&openmetrics, &["# UNIT haproxy_backend_total_time_average_seconds seconds"]);
}

/// As Debian's Tomcat 10.1.60 answered.
#[test]
fn tomcat() {
    if !are_there() {
        return;
    }
    let address = serve(|path| {
        assert_eq!(path, "/manager/status?XML=true");
        (200, include_str!("recorded/tomcat.xml").into())
    });
    let exporter =
        Exporter::one(&format!("preset: tomcat, source: {{http: \"http://{address}/manager/status?XML=true\"}}"));
    let (text, openmetrics) = exporter.pages();
    has(
        &text,
        &[
            "jvm_memory_used_bytes{area=\"heap\",id=\"G1 Eden Space\"} 171966464",
            "jvm_memory_max_bytes{area=\"heap\",id=\"G1 Eden Space\"} -1",
            "jvm_memory_committed_bytes{area=\"nonheap\",id=\"CodeHeap 'non-nmethods'\"} 2555904",
            "tomcat_threads_busy_threads{name=\"http-nio-127.0.0.1-16380\"} 1",
            "tomcat_threads_config_max_threads{name=\"http-nio-127.0.0.1-16380\"} 200",
            "tomcat_global_request_seconds_sum{name=\"http-nio-127.0.0.1-16380\"} 0.283",
            "tomcat_global_request_seconds_count{name=\"http-nio-127.0.0.1-16380\"} 1",
            "tomcat_global_sent_bytes_total{name=\"http-nio-127.0.0.1-16380\"} 4765",
            "adapter_values_unusable{target=\"app\"} 0",
        ],
    );
    has(
        &openmetrics,
        &["# TYPE tomcat_global_request_seconds summary", "# UNIT tomcat_global_request_seconds seconds"],
    );
}

/// As Spring Boot's reference has its answers.
#[test]
fn spring_boot() {
    if !are_there() {
        return;
    }
    let address = serve(|path| match path.strip_prefix("/actuator/") {
        Some("health") => (503, include_str!("recorded/actuator/health.json").into()),
        Some("metrics/jvm.memory.max") => (200, include_str!("recorded/actuator/jvm.memory.max.json").into()),
        Some("metrics/jvm.memory.max?tag=area:nonheap") => {
            (200, include_str!("recorded/actuator/jvm.memory.max-nonheap.json").into())
        }
        Some("metrics/jvm.gc.pause") => (200, include_str!("recorded/actuator/jvm.gc.pause.json").into()),
        Some("metrics/logback.events") => (200, include_str!("recorded/actuator/logback.events.json").into()),
        Some("metrics/jvm.threads.live") => (200, include_str!("recorded/actuator/jvm.threads.live.json").into()),
        _ => (404, String::new()),
    });
    let exporter = Exporter::of(&format!(
        "{{targets: [
            {{name: health, preset: actuator-health, source: {{http: \"http://{address}/actuator/health\"}}}},
            {{name: metrics, preset: actuator-metrics, source: {{http: \"http://{address}/actuator/metrics/{{name}}\"}}}},
            {{name: tags, preset: actuator-metrics, source: {{http: \"http://{address}/actuator/metrics/{{name}}\", names: [\"jvm.memory.max?tag=area:nonheap\"]}}}}]}}"
    ));
    let (text, openmetrics) = exporter.pages();
    has(
        &text,
        &[
            "spring_boot_health 0",
            "spring_boot_health{component=\"db\"} 1",
            "spring_boot_health{component=\"broker\"} 0",
            "jvm_memory_max_bytes 2399141885",
            "jvm_memory_max_bytes{tag=\"area:nonheap\"} 1317027838",
            "jvm_gc_pause_seconds_sum 0.063",
            "jvm_gc_pause_seconds_count 7",
            "jvm_gc_pause_seconds_max 0.012",
            "logback_events_total 18",
            "jvm_threads_live_threads 23",
            "# TYPE jvm_gc_pause_seconds summary",
            "# TYPE logback_events_total counter",
            "adapter_up{target=\"health\"} 1",
            "adapter_up{target=\"metrics\"} 1",
        ],
    );
    has(&openmetrics, &["# TYPE logback_events counter", "logback_events_total 18"]);
}
