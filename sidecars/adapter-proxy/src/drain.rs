//! The end: nothing stops that the app still needs.
//!
//! As a classic sidecar it is asked to end together with the app, which may go on for a while and even connect anew; as
//! a native one after the app is gone. Who is gone has no connections. So an open one, silent or not, means that
//! somebody may still need it, and the pod waits for that one anyway.

use adapter_proxy::traffic::Traffic;
use anyhow::{Result, bail};
use chassis::message;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::sleep_until;

/// Resolves when no connection is open, and nothing has come or gone for `quiet_for` since `asked`, but not before
/// `all_heard`: until then there may be connections of which nobody has heard.
pub async fn quiet(
    (asked, all_heard): (Instant, Instant),
    quiet_for: Duration,
    ended: &Notify,
    traffic: impl Fn() -> Vec<Rc<Traffic>>,
) {
    let mut is_over = false;
    loop {
        let traffic = traffic();
        if traffic.iter().any(|one| one.open() > 0) {
            is_over = false;
            ended.notified().await;
            continue;
        }
        let last = traffic.iter().map(|one| one.last()).fold(asked, Instant::max);
        match last.checked_add(quiet_for).map(|due| due.max(all_heard)) {
            Some(due) if due <= Instant::now() && is_over => return,
            Some(due) if due <= Instant::now() => {
                // What has come meanwhile may not have been looked at.
                is_over = true;
                yield_now().await;
            }
            Some(due) => {
                is_over = false;
                sleep_until(due.into()).await;
            }
            None => std::future::pending().await, // clocks end somewhere
        }
    }
}

/// What is left when there is no more time.
///
/// # Errors
/// When something was under way.
pub fn cut_off(traffic: &[Rc<Traffic>]) -> Result<()> {
    let (mut busy, mut silent) = (vec![], 0);
    for one in traffic {
        let under_way = one.under_way();
        if under_way > 0 {
            busy.push(format!("{under_way} of {}", one.listener));
        }
        silent += one.open() - under_way;
    }
    if !busy.is_empty() {
        bail!("connections are cut off: {}\nhint: `--drain-timeout` gives them more time", busy.join(", "));
    }
    if silent > 0 {
        message::info(format_args!("connections are closed on which nothing moves: {silent}"));
    }
    Ok(())
}
