//! What happens in the pod, and what must come of it. Each returns what was seen, in a line, and notes it for the table.

use crate::artifact::Artifact;
use crate::outside::Outside;
use crate::pod::{Pod, SIDECARS};
use crate::table::{Seen, number};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::thread;
use std::time::Instant;

/// What the app answers to orders.
#[derive(Default, Deserialize)]
struct Taken {
    orders: u64,
    /// How many each endpoint had
    from: BTreeMap<String, u64>,
    failed: u64,
    /// The last one
    failure: Option<String>,
    orphans: u64,
}

impl Taken {
    fn shares(&self) -> String {
        let shares = self.from.iter().map(|(endpoint, count)| format!("{endpoint} {count}"));
        shares.collect::<Vec<_>>().join(", ")
    }
}

/// The app starts, and serves what the init container has put there.
pub fn opens(pod: &mut Pod, artifact: &Artifact) -> Result<String> {
    let page = pod.open(1)?;
    ensure!(page.trim_end() == artifact.page, "the app serves `{page}`");
    Ok("the app: it knows files and localhost alone, and serves the page that war-copy has put there".into())
}

/// All are where pause is, and the pod has one address.
pub fn one_pod(pod: &mut Pod, seen: &mut Seen) -> Result<String> {
    let (view, members) = (pod.view()?, pod.members()?);
    ensure!(view.init.name == "pause", "PID 1 is `{}`", view.init.name);
    ensure!(view.addresses.len() == 1, "the pod has {} addresses", view.addresses.len());
    let pause = &members["pause"][0].namespaces;
    for (container, member) in
        members.iter().flat_map(|(name, members)| members.iter().map(move |member| (name, member)))
    {
        ensure!(member.namespaces == *pause, "{container} is in {:?}, pause in {pause:?}", member.namespaces);
    }
    seen.address = view.addresses.into_iter().next().context("no address")?;
    pod.address.clone_from(&seen.address);
    seen.containers = members.len();
    seen.init = Some(view.init);
    let namespaces = pause.iter().flatten().map(|(_, namespace)| namespace.as_str()).collect::<Vec<_>>().join(" ");
    Ok(format!("{} containers, one IP, {}; all in {namespaces}", members.len(), pod.address))
}

fn order(pod: &Pod, count: u64, seen: &mut Seen, sum: &mut Taken) -> Result<()> {
    let taken: Taken = serde_json::from_str(&pod.app(&["post", "8081", &format!("/orders?count={count}")])?)?;
    let failure = taken.failure.unwrap_or_default();
    ensure!(taken.failed == 0, "{} of {count} orders failed, the last since {failure}", taken.failed);
    ensure!(taken.orphans == count, "pause adopted {} of {count} orphans", taken.orphans);
    sum.orders += taken.orders;
    sum.failed += taken.failed;
    for (endpoint, count) in taken.from {
        *sum.from.entry(endpoint).or_default() += count;
    }
    seen.orders += taken.orders;
    seen.failed += taken.failed;
    seen.orphans += taken.orphans;
    Ok(())
}

/// The app does what it does.
pub fn orders(pod: &Pod, seen: &mut Seen) -> Result<String> {
    let mut taken = Taken::default();
    order(pod, 1000, seen, &mut taken)?;
    ensure!(taken.from.len() == 3, "only {} had orders", taken.shares());
    let shares = taken.shares();
    Ok(format!("{}: each asks localhost for stock ({shares}), logs a line, and leaves an orphan", number(taken.orders)))
}

/// One of three is killed in the middle of it.
pub fn an_endpoint_dies(pod: &Pod, outside: &Outside, seen: &mut Seen) -> Result<String> {
    let mut taken = Taken::default();
    thread::scope(|scope| {
        let killer = scope.spawn(|| outside.kill("stock-b"));
        loop {
            let over = killer.is_finished();
            order(pod, 100, seen, &mut taken)?;
            if over {
                return killer.join().expect("it does not panic");
            }
        }
    })?;
    Ok(format!(
        "stock-b is killed while {} more are taken: {} failed ({})",
        number(taken.orders),
        taken.failed,
        taken.shares()
    ))
}

/// Somebody outside asks the pod for its metrics, and gets those of the app.
pub fn metrics(pod: &Pod, outside: &Outside, seen: &mut Seen) -> Result<String> {
    let page = outside.ask(&pod.address, "9631", "metrics")?;
    let series = |name: &str| page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    ensure!(series("adapter_up{target=\"app\"}") == Some("1"), "the adapter does not reach the app:\n{page}");
    let served = series("shop_orders_served_total").with_context(|| format!("no orders in:\n{page}"))?;
    ensure!(served == seen.orders.to_string(), "the metrics tell of {served} orders of {}", seen.orders);
    seen.metrics = page.lines().filter(|line| line.starts_with("shop_")).count();
    let said = pod.app(&["get", "8081", "status"])?;
    let said = said.split(',').find(|field| field.contains("ordersServed")).unwrap_or_default();
    Ok(format!(
        "{said} has become shop_orders_served_total {served}; {} series at http://{}:9631/metrics",
        seen.metrics, pod.address
    ))
}

/// What every container takes, while all is at work.
pub fn weigh(pod: &Pod, seen: &mut Seen) -> Result<()> {
    for (container, members) in pod.members()? {
        seen.memory.insert(container, members.iter().filter_map(|member| member.pss).sum());
    }
    Ok(())
}

/// The app is replaced, and the pod stays.
pub fn a_new_version(pod: &mut Pod, seen: &mut Seen) -> Result<String> {
    let code = pod.containers.stop("shop")?;
    ensure!(code == 0, "the app exits with {code}");
    pod.containers.remove("shop")?;
    pod.open(2)?;
    order(pod, 100, seen, &mut Taken::default())?;
    let (view, before) = (pod.view()?, seen.init.as_ref().context("nothing was seen before")?);
    ensure!(view.init.started == before.started, "PID 1 was {before:?}, is {:?}", view.init);
    ensure!(view.addresses.contains(&pod.address), "the pod had {}, has {:?}", pod.address, view.addresses);
    Ok(format!("the app is replaced, and takes 100 orders; still the same pause, still {}", pod.address))
}

/// What loses its parent becomes pause's child, and is gone when it dies; pause sleeps through it.
pub fn orphans(pod: &Pod, seen: &mut Seen) -> Result<String> {
    let (view, before) = (pod.view()?, seen.init.as_ref().context("nothing was seen before")?);
    let woken = view.init.context_switches - before.context_switches;
    ensure!(view.zombies == 0, "{} zombies of {} processes", view.zombies, view.processes);
    ensure!(woken == 0, "pause was woken {woken} times");
    (seen.zombies, seen.woken) = (view.zombies, woken);
    Ok(format!("{} were left: {} zombies, and pause was woken {woken} times", number(seen.orphans), view.zombies))
}

/// As kubelet ends a pod with native sidecars: the app, then what serves it, then pause.
pub fn the_end(pod: &mut Pod, outside: &Outside, seen: &mut Seen) -> Result<String> {
    let start = Instant::now();
    for container in ["shop"].into_iter().chain(SIDECARS) {
        let code = pod.containers.stop(container)?;
        ensure!(code == 0, "{container} exits with {code}: `{}`", pod.containers.said(container)?);
    }
    let time = start.elapsed();
    let mut left = BTreeMap::<String, i64>::new();
    for line in pod.log()? {
        seen.written += 1;
        *left.entry(line).or_default() += 1;
    }
    for line in outside.lines()? {
        seen.shipped += 1;
        *left.entry(line).or_default() -= 1;
    }
    let count = |some: &dyn Fn(i64) -> i64| left.values().map(|&count| some(count).max(0)).sum::<i64>().unsigned_abs();
    (seen.lost, seen.twice) = (count(&|count| count), count(&|count| -count));
    ensure!(seen.lost == 0, "{} of {} lines are lost", seen.lost, seen.written);
    ensure!(seen.twice == 0, "{} lines came twice", seen.twice);
    let code = pod.end()?;
    ensure!(code == 0, "pause exits with {code}");
    Ok(format!(
        "SIGTERM to the app, then to its sidecars: all exited with 0, in {} ms; pause exited with {code}",
        time.as_millis()
    ))
}
