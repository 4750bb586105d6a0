use crate::Node;
use e2e::process::until;
use kubelet::messages::ContainerState;
use kubelet::pod::Phase;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// What all pods here have: the journal. Probes may take long: a machine that is busy is not what is tested.
const VOLUMES: &str = "  volumes: [{ name: journal, hostPath: { path: JOURNAL } }]\n";

/// A container that runs the app in this role, with the journal at hand.
fn container(name: &str, args: &str, more: &str) -> String {
    format!(
        "  - name: {name}\n    image: localhost/app:0.1.0\n    args: [{args}]\n    \
         volumeMounts: [{{ name: journal, mountPath: /journal }}]\n{more}"
    )
}

fn note(name: &str, code: u8) -> String {
    container(name, &format!("note, /journal/journal, {name}, '{code}'"), "")
}

fn wait(name: &str, more: &str) -> String {
    container(name, &format!("wait, /journal/journal, {name}"), more)
}

fn spec(fields: &str, init: &[String], containers: &[String]) -> String {
    let list = |title: &str, containers: &[String]| match containers {
        [] => String::new(),
        containers => format!("  {title}:\n{}", containers.concat()),
    };
    format!("{fields}{VOLUMES}{}{}", list("initContainers", init), list("containers", containers))
}

const SIDECAR: &str = "    restartPolicy: Always
    startupProbe: { exec: { command: [/app, read, /journal/journal] }, timeoutSeconds: 10, periodSeconds: 1 }
";

#[test]
fn init_containers_run_one_after_another() {
    let node = Node::get();
    let spec = spec("  restartPolicy: Never\n", &[note("first", 0), note("second", 0)], &[note("app", 0)]);
    assert_eq!(node.start(&spec).unwrap().until_ended().unwrap(), Phase::Succeeded);
    assert_eq!(node.journal(), ["first", "second", "app"]);
}

#[test]
fn a_failing_init_container_keeps_the_app_from_starting() {
    let node = Node::get();
    let spec = spec("  restartPolicy: Never\n", &[note("first", 3), note("second", 0)], &[note("app", 0)]);
    let error = format!("{:#}", node.start(&spec).err().unwrap());
    assert!(error.contains("init container first") && error.contains("exits with 3"), "{error}");
    assert_eq!(node.journal(), ["first"]);
}

#[test]
fn a_failing_init_container_is_tried_again_where_the_policy_says_so() {
    let node = Node::get();
    let failing = container("first", "read, /no/such/file", "");
    let error = format!("{:#}", node.start(&spec("", &[failing], &[note("app", 0)])).err().unwrap());
    assert!(error.contains("CrashLoopBackOff: 3 times"), "{error}");
    assert!(error.contains("cannot read /no/such/file"), "it says what the container said: {error}");
    assert!(node.journal().is_empty());
}

#[test]
fn restart_policies() {
    for (policy, code, restarted) in
        [("Always", 0, true), ("Always", 1, true), ("OnFailure", 0, false), ("OnFailure", 1, true), ("Never", 1, false)]
    {
        let node = Node::get();
        let fields = format!("  restartPolicy: {policy}\n");
        let mut pod = node.start(&spec(&fields, &[], &[note("app", code)])).unwrap();
        if restarted {
            pod.until("two restarts", Duration::ZERO, |pod| Ok(pod.restarts("app")? >= 2)).unwrap();
            assert!(node.journal().len() >= 2, "{policy}, exit code {code}");
        } else {
            let phase = if code == 0 { Phase::Succeeded } else { Phase::Failed };
            assert_eq!(pod.until_ended().unwrap(), phase, "{policy}, exit code {code}");
            assert_eq!(node.journal(), ["app"], "{policy}, exit code {code}");
        }
    }
}

/// A sidecar starts before the app and the next init container, and ends after the app; the last started first.
#[test]
fn sidecars_come_first_and_go_last() {
    let node = Node::get();
    let init = [wait("outer", SIDECAR), note("init", 0), wait("inner", &SIDECAR.replace("journal]", "ready]"))];
    let ready = container("ready", "note, /journal/ready, ready", "");
    let init = [&init[..2], &[ready], &init[2..]].concat();
    let pod = node.start(&spec("  terminationGracePeriodSeconds: 20\n", &init, &[wait("app", "")])).unwrap();
    until("all run", || node.journal().len() == 4);
    pod.delete().unwrap();
    let journal = node.journal();
    assert_eq!(journal[..2], ["outer runs", "init"]);
    // inner's startup probe does not ask inner, so it and the app may come in either order.
    let mut middle = journal[2..4].to_vec();
    middle.sort();
    assert_eq!(middle, ["app runs", "inner runs"]);
    assert_eq!(journal[4..], ["app ends", "inner ends", "outer ends"]);
}

#[test]
fn a_sidecar_does_not_keep_a_pod_from_its_end_and_is_restarted_before() {
    let node = Node::get();
    let app = container("app", "note, /journal/app, app", "");
    let spec =
        spec("  restartPolicy: Never\n  terminationGracePeriodSeconds: 20\n", &[wait("sidecar", SIDECAR)], &[app]);
    let mut pod = node.start(&spec).unwrap();
    pod.sandbox.stop(&pod.id("sidecar").unwrap(), 20).unwrap();
    pod.until("its restart", Duration::ZERO, |pod| Ok(pod.restarts("sidecar")? == 1)).unwrap();
    until("it runs again", || node.journal().len() == 3);
    assert_eq!(pod.until_ended().unwrap(), Phase::Succeeded);
    assert_eq!(node.journal(), ["sidecar runs", "sidecar ends", "sidecar runs", "sidecar ends"]);
}

#[test]
fn a_startup_probe_holds_the_next_container_back() {
    let node = Node::get();
    let probe = SIDECAR.replace("/journal/journal", "/journal/started").replace("1 }", "1, failureThreshold: 2 }");
    let late = container("sidecar", "wait, /journal/starts, sidecar", &probe);
    let spec = spec("  terminationGracePeriodSeconds: 0\n", &[late], &[note("app", 0)]);
    let starts = || std::fs::read_to_string(node.home.path().join("starts")).unwrap_or_default().lines().count();
    let pod = std::thread::scope(|scope| {
        let pod = scope.spawn(|| node.start(&spec));
        until("a restart, since the probe fails", || starts() > 1 || pod.is_finished());
        assert!(node.journal().is_empty(), "the app waits for the sidecar");
        std::fs::write(node.home.path().join("started"), "").unwrap();
        pod.join().unwrap()
    });
    let pod = pod.unwrap();
    assert!(pod.restarts("sidecar").unwrap() >= 1);
    until("the app runs", || !node.journal().is_empty());
}

#[test]
fn a_liveness_probe_restarts_what_does_not_live() {
    let node = Node::get();
    let probe = "    livenessProbe:
      { exec: { command: [/app, read, /journal/alive] }, timeoutSeconds: 10, periodSeconds: 1, failureThreshold: 2 }
";
    std::fs::write(node.home.path().join("alive"), "").unwrap();
    let mut pod = node.start(&spec("", &[], &[wait("app", probe)])).unwrap();
    until("it runs", || node.journal().len() == 1);
    let start = Instant::now();
    pod.until("two probes", Duration::ZERO, |_| Ok(start.elapsed() > Duration::from_secs(2))).unwrap();
    assert_eq!(pod.restarts("app").unwrap(), 0, "it lives");
    std::fs::remove_file(node.home.path().join("alive")).unwrap();
    pod.until("its restart", Duration::ZERO, |pod| Ok(pod.restarts("app")? == 1)).unwrap();
    assert_eq!(node.journal()[..2], ["app runs", "app ends"]);
}

/// As the first had to: until then nobody asks whether it lives, or is ready.
#[test]
fn a_restarted_container_has_to_start_anew() {
    let node = Node::get();
    let probe = |kind: &str, file: &str, failures: u32| {
        format!(
            "    {kind}: {{ exec: {{ command: [/app, read, /journal/{file}] }}, timeoutSeconds: 10, periodSeconds: 1, \
             failureThreshold: {failures} }}\n"
        )
    };
    let probes = probe("startupProbe", "started", 30) + &probe("livenessProbe", "alive", 1);
    let [started, alive] = ["started", "alive"].map(|file| node.home.path().join(file));
    std::fs::write(&started, "").unwrap();
    std::fs::write(&alive, "").unwrap();
    let mut pod = node.start(&spec("", &[], &[wait("app", &probes)])).unwrap();
    pod.until_ready().unwrap();
    std::fs::remove_file(&started).unwrap();
    std::fs::remove_file(&alive).unwrap();
    pod.until("its restart", Duration::ZERO, |pod| Ok(pod.restarts("app")? == 1)).unwrap();
    let start = Instant::now();
    pod.until("two probes", Duration::ZERO, |_| Ok(start.elapsed() > Duration::from_secs(2))).unwrap();
    assert_eq!((pod.restarts("app").unwrap(), pod.ready().unwrap()), (1, 0), "it has not started");
    std::fs::write(&alive, "").unwrap();
    std::fs::write(&started, "").unwrap();
    pod.until_ready().unwrap();
    assert_eq!(pod.restarts("app").unwrap(), 1);
}

#[test]
fn readiness_comes_and_goes_and_restarts_nobody() {
    let node = Node::get();
    let probe = "    readinessProbe:
      { exec: { command: [/app, read, /journal/ready] }, timeoutSeconds: 10, periodSeconds: 1, failureThreshold: 2 }
";
    let ready = node.home.path().join("ready");
    let mut pod = node.start(&spec("", &[], &[wait("app", probe), wait("other", "")])).unwrap();
    pod.until_not_ready().unwrap();
    assert_eq!(pod.ready().unwrap(), 1, "the other has no probe");
    for _ in 0..2 {
        std::fs::write(&ready, "").unwrap();
        pod.until_ready().unwrap();
        std::fs::remove_file(&ready).unwrap();
        pod.until_not_ready().unwrap();
    }
    assert_eq!(pod.restarts("app").unwrap(), 0);
}

/// A port by its name, and a time to end that is the probe's own.
#[test]
fn an_http_probe_of_a_named_port() {
    let node = Node::get();
    let more = "    ports: [{ name: web, containerPort: 8080 }]
    livenessProbe: { httpGet: { path: /journal, port: web }, periodSeconds: 1, timeoutSeconds: 10, failureThreshold: 2,
      terminationGracePeriodSeconds: 2 }
    readinessProbe: { httpGet: { path: /journal, port: web }, periodSeconds: 1, timeoutSeconds: 10 }
";
    std::fs::write(node.journal_file(), "").unwrap();
    // It does not hear SIGTERM.
    let mut pod = node.start(&spec("", &[], &[container("app", "serve, /journal, '8080'", more)])).unwrap();
    pod.until_ready().unwrap();
    std::fs::remove_file(node.journal_file()).unwrap();
    let start = Instant::now();
    pod.until("its restart", Duration::ZERO, |pod| Ok(pod.restarts("app")? == 1)).unwrap();
    assert!(start.elapsed() < Duration::from_secs(20), "the pod's grace is 30 s: {:?}", start.elapsed());
    assert!(pod.port("app", "none").is_err());
}

/// Also when a probe ends it.
#[test]
fn what_does_not_live_gets_pre_stop_and_then_sigterm() {
    let node = Node::get();
    let more = "    lifecycle: { preStop: { exec: { command: [/app, note, /journal/journal, preStop] } } }
    livenessProbe: { exec: { command: [/app, read, /journal/none] }, timeoutSeconds: 10, periodSeconds: 1 }
";
    let mut pod = node.start(&spec("  terminationGracePeriodSeconds: 20\n", &[], &[wait("app", more)])).unwrap();
    pod.until("its restart", Duration::ZERO, |pod| Ok(pod.restarts("app")? == 1)).unwrap();
    assert_eq!(node.journal()[..3], ["app runs", "preStop", "app ends"]);
}

#[test]
fn what_comes_next_waits_for_post_start() {
    let node = Node::get();
    let hook = |command| format!("    lifecycle: {{ postStart: {{ exec: {{ command: [/app, {command}] }} }} }}\n");
    let noting = hook("note, /journal/journal, postStart");
    let _pod = node.start(&spec("", &[], &[wait("first", &noting), wait("second", "")])).unwrap();
    until("both run", || node.journal().len() == 3);
    assert_eq!(node.journal()[2], "second runs");
    let failing = hook("read, /no/such/file");
    let error = format!("{:#}", node.start(&spec("", &[], &[wait("first", &failing)])).err().unwrap());
    assert!(error.contains("postStart of first") && error.contains("cannot read /no/such/file"), "{error}");
}

#[test]
fn pre_stop_comes_before_sigterm() {
    let node = Node::get();
    let hook = "    lifecycle: { preStop: { exec: { command: [/app, note, /journal/journal, preStop] } } }\n";
    let pod = node.start(&spec("  terminationGracePeriodSeconds: 20\n", &[], &[wait("app", hook)])).unwrap();
    until("it runs", || node.journal().len() == 1);
    pod.delete().unwrap();
    assert_eq!(node.journal(), ["app runs", "preStop", "app ends"]);
    assert_eq!(pod.status("app").unwrap().exit_code, 0);
}

#[test]
fn sigkill_comes_after_the_grace_period() {
    let node = Node::get();
    let deaf = container("deaf", "serve, /, '8080'", "");
    let pod = node.start(&spec("  terminationGracePeriodSeconds: 5\n", &[], &[deaf, wait("app", "")])).unwrap();
    until("it runs", || node.journal().len() == 1);
    let start = Instant::now();
    pod.delete().unwrap();
    assert!(start.elapsed() >= Duration::from_secs(4), "{:?}", start.elapsed());
    let (deaf, app) = (pod.status("deaf").unwrap(), pod.status("app").unwrap());
    assert_eq!((deaf.state(), deaf.exit_code), (ContainerState::Exited, 128 + 9));
    assert_eq!(app.exit_code, 0, "the other heard SIGTERM");
    assert!(app.finished_at < deaf.finished_at, "both got SIGTERM at the same time");
}

#[test]
fn limits_are_the_kernels() {
    let node = Node::get();
    let more = "    resources: { limits: { memory: 64Mi, cpu: 250m } }\n";
    let pod = node.start(&spec("  terminationGracePeriodSeconds: 0\n", &[], &[wait("app", more)])).unwrap();
    // Of control groups of the first version, or the second.
    let read = |[first, second]: [&str; 2]| {
        let read = |file| pod.exec("app", &["/app", "read", &format!("/sys/fs/cgroup/{file}")].map(Into::into));
        read(first).or_else(|_| read(second)).unwrap()
    };
    assert_eq!(read(["memory/memory.limit_in_bytes", "memory.max"]), (64 << 20).to_string());
    assert!(["25000", "25000 100000"].contains(&read(["cpu/cpu.cfs_quota_us", "cpu.max"]).as_str()));
}

#[test]
fn a_host_port_leads_to_its_container() {
    let node = Node::get();
    let port = kubelet::free_port();
    let more = format!("    ports: [{{ containerPort: 8080, hostPort: {port} }}]\n");
    let fields = "  terminationGracePeriodSeconds: 0\n";
    let pod = node.start(&spec(fields, &[], &[container("app", "serve, /, '8080'", &more)])).unwrap();
    until("the port answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    pod.delete().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}
