//! A node full of pods: what pause's part in them costs, beside a pause in C.

mod c_pause;

use e2e::matrix::{Behaviour, Column, Engine};
use e2e::process::{status, until};
use kubelet::containerd::Containerd;
use kubelet::cri::Cri;
use kubelet::messages::{
    NamespaceMode, RemovePodSandboxRequest, RunPodSandboxRequest, SandboxConfig, StopPodSandboxRequest,
};
use kubelet::sandbox;
use nix::unistd::Pid;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::time::Instant;

const SANDBOXES: usize = 50;
const WARM_UP: usize = 10;

/// Sums of all sandboxes.
#[derive(Clone, Copy, Default)]
struct Cost {
    /// Milliseconds, from the first request to the last answer
    start: f64,
    /// Milliseconds
    stop: f64,
    /// kB
    pss: f64,
    /// kB
    page_tables: f64,
    /// kB that the kernel charges to pause's control group
    cgroup: f64,
}

#[test]
fn fifty_sandboxes_at_once() {
    let home = tempfile::tempdir().unwrap();
    let ours = Containerd::with_pause().unwrap();
    let theirs = Containerd::start(c_pause::NAME, Some(&c_pause::build(home.path()).unwrap())).unwrap();
    let (mut pause, mut c) = (vec![], vec![]);
    // The first sandboxes of a containerd wait for what is read, made and cached once.
    measure(&ours, WARM_UP);
    measure(&theirs, WARM_UP);
    // In turns, so that what else the machine does falls on both.
    for _ in 0..2 {
        pause.push(measure(&ours, SANDBOXES));
        c.push(measure(&theirs, SANDBOXES));
    }
    let table = table(&[("pause", average(&pause)), ("C pause()", average(&c))]);
    let title = format!("containerd {}, {SANDBOXES} sandboxes at once, each on average:\n", ours.version);
    // Not by `println!`, which the test harness keeps to itself.
    std::io::stderr().write_all(format!("\n{title}{table}").as_bytes()).unwrap();
    Column::new(Engine::Containerd, &ours.version).saw(Behaviour::Fifty);
    assert!(average(&pause).pss < average(&c).pss);
    assert!(average(&pause).page_tables < average(&c).page_tables);
}

fn measure(containerd: &Containerd, sandboxes: usize) -> Cost {
    let cri = containerd.cri().unwrap();
    let configs: Vec<_> = (0..sandboxes).map(|number| config(containerd, number)).collect();
    let requests = configs.into_iter().map(|config| RunPodSandboxRequest { config: Some(config) }).collect();
    let start = Instant::now();
    let (answers, all) = cri.call_all::<RunPodSandboxRequest>(requests);
    let start = milliseconds(start);
    all.unwrap();
    let ids: Vec<_> = answers.into_iter().map(|(_, answer)| answer.id).collect();
    let pids: Vec<_> = ids.iter().map(|id| cri.sandbox_pid(id).unwrap()).collect();
    for &pid in &pids {
        until("pause sleeps", || e2e::process::stat(pid, 3).as_deref() == Some("S") && !is_runc(pid));
    }
    assert_eq!(containerd.network.ports(), sandboxes, "each has its cable");
    let sum = |of: fn(Pid) -> f64| pids.iter().copied().map(of).sum();
    let (pss, page_tables, cgroup) = (sum(pss), sum(page_tables), sum(cgroup));
    let stop = remove(&cri, &ids);
    assert_eq!(containerd.network.ports(), 0);
    for pid in pids {
        assert!(!fs::exists(format!("/proc/{pid}")).unwrap(), "process {pid} is left");
    }
    Cost { start, stop, pss, page_tables, cgroup }
}

fn config(containerd: &Containerd, number: usize) -> SandboxConfig {
    let mut config = containerd.sandbox(&format!("many-{number}")).unwrap();
    let security = sandbox::namespaces(NamespaceMode::Pod, NamespaceMode::Container);
    config.linux.as_mut().unwrap().security_context = Some(security);
    config
}

fn remove(cri: &Cri, ids: &[String]) -> f64 {
    let start = Instant::now();
    cri.call_all(ids.iter().map(|id| StopPodSandboxRequest { id: id.clone() }).collect()).1.unwrap();
    cri.call_all(ids.iter().map(|id| RemovePodSandboxRequest { id: id.clone() }).collect()).1.unwrap();
    milliseconds(start)
}

/// runc's init has not become pause yet.
fn is_runc(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("runc"))
}

fn pss(pid: Pid) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn page_tables(pid: Pid) -> f64 {
    number(status(pid, "VmPTE").unwrap())
}

fn cgroup(pid: Pid) -> f64 {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let path = |controller: &str| groups.lines().find_map(|line| line.split_once(controller)).map(|(_, path)| path);
    let file = match path(":memory:") {
        Some(path) => format!("/sys/fs/cgroup/memory{path}/memory.usage_in_bytes"),
        None => format!("/sys/fs/cgroup{}/memory.current", path("0::").unwrap()),
    };
    number(fs::read_to_string(file).unwrap().trim().parse().unwrap()) / 1024.0
}

fn average(costs: &[Cost]) -> Cost {
    let each = number(costs.len() as u64) * number(SANDBOXES as u64);
    let of = |field: fn(&Cost) -> f64| costs.iter().map(field).sum::<f64>() / each;
    Cost {
        start: of(|cost| cost.start),
        stop: of(|cost| cost.stop),
        pss: of(|cost| cost.pss),
        page_tables: of(|cost| cost.page_tables),
        cgroup: of(|cost| cost.cgroup),
    }
}

fn table(rows: &[(&str, Cost)]) -> String {
    let mut table = format!(
        "{:<10}  {:>8}     ×  {:>8}     ×  {:>8}     ×  {:>14}     ×  {:>9}     ×\n",
        "sandbox", "start ms", "stop ms", "PSS kB", "page tables kB", "cgroup kB"
    );
    let figures = |cost: &Cost| [cost.start, cost.stop, cost.pss, cost.page_tables, cost.cgroup];
    for (name, cost) in rows {
        let _ = write!(table, "{name:<10}");
        let of_the_first = figures(&rows[0].1);
        for ((figure, first), width) in figures(cost).into_iter().zip(of_the_first).zip([8, 8, 8, 14, 9]) {
            let _ = write!(table, "  {figure:>width$.1}  {:>3.1}×", figure / first);
        }
        table.push('\n');
    }
    table
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn number(number: u64) -> f64 {
    number as f64
}
