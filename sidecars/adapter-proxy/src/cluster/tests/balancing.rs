//! Who gets how much.

use super::{cluster, counts, endpoint, port, ports};
use crate::cluster::Cluster;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::LocalSet;
use tokio::time::sleep;

const MS: Duration = Duration::from_millis(1);

/// `clients` at a time send `requests` altogether; an endpoint takes as long as `time` says of its port. The ports in the
/// order in which they were chosen.
async fn load(cluster: &Rc<Cluster>, clients: usize, requests: usize, time: fn(u16) -> Duration) -> Vec<u16> {
    let chosen = Rc::new(RefCell::new(vec![]));
    let tasks = LocalSet::new();
    for _ in 0..clients {
        let (cluster, chosen) = (cluster.clone(), chosen.clone());
        tasks.spawn_local(async move {
            while chosen.borrow().len() < requests {
                let mut attempt = cluster.choose(&[]).unwrap();
                let port = port(attempt.endpoint());
                chosen.borrow_mut().push(port);
                sleep(time(port)).await;
                attempt.succeeded();
            }
        });
    }
    tasks.await;
    chosen.take()
}

#[tokio::test(start_paused = true)]
async fn equal_ones_get_the_same() {
    for balance in ["ewma", "least-request", "round-robin"] {
        for clients in [1, 10] {
            let cluster =
                cluster(&format!("{{endpoints: ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'], balance: {balance}}}"));
            let chosen = load(&cluster, clients, 3000, |_| MS).await;
            for (port, count) in counts(&chosen) {
                assert!((800..1200).contains(&count), "{balance}, {clients}: {count} for {port}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn by_weight() {
    for balance in ["ewma", "least-request", "round-robin"] {
        for clients in [1, 30] {
            let cluster = cluster(&format!(
                "{{endpoints: [{{at: '127.0.0.1:1', weight: 3}}, {{at: '127.0.0.1:2', weight: 1}}], balance: {balance}}}"
            ));
            let counts = counts(&load(&cluster, clients, 4000, |_| MS).await);
            assert!((2800..3200).contains(&counts[&1]), "{balance}, {clients}: {counts:?}");
        }
    }
}

#[test]
fn turns_are_smooth() {
    let cluster =
        cluster("{endpoints: [{at: '127.0.0.1:1', weight: 4}, '127.0.0.1:2', '127.0.0.1:3'], balance: round-robin}");
    for six in ports(&cluster, 60).chunks(6) {
        assert_eq!(counts(six).into_values().collect::<Vec<_>>(), [4, 1, 1]);
    }
    let four = ports(&cluster, 60);
    assert!(!four.windows(5).any(|five| five.iter().all(|port| *port == 1)), "{four:?}");
}

/// One of three takes 500 ms, the others one: it gets a request now and then, to find out whether it still does.
#[tokio::test(start_paused = true)]
async fn a_slow_one_is_avoided() {
    for clients in [1, 3, 64] {
        let cluster = cluster("{endpoints: ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3']}");
        let time = |port| if port == 3 { 500 * MS } else { MS };
        let counts = counts(&load(&cluster, clients, 20_000, time).await);
        let slow = counts.get(&3).copied().unwrap_or_default();
        assert!((1..100).contains(&slow), "{clients}: {counts:?}");
        assert!(counts[&1] > 6000 && counts[&2] > 6000, "{clients}: {counts:?}");
    }
}

/// It was as fast as the others, and then it answers nothing: what it gets until it is avoided is what was on its way.
#[tokio::test(start_paused = true)]
async fn a_hung_one_is_avoided_at_once() {
    let cluster = cluster("{endpoints: ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3']}");
    load(&cluster, 64, 3000, |_| MS).await;
    let time = |port| if port == 3 { Duration::from_secs(10) } else { MS };
    let counts = counts(&load(&cluster, 64, 20_000, time).await);
    assert!(counts[&3] < 64, "{counts:?}");
}

/// One connection after the other, and the differences are those of a machine: nobody gets all of them.
#[tokio::test(start_paused = true)]
async fn small_differences_are_none() {
    let cluster = cluster("{endpoints: ['127.0.0.1:1', '127.0.0.1:2']}");
    let counts =
        counts(&load(&cluster, 1, 1000, |port| Duration::from_micros(if port == 1 { 100 } else { 200 })).await);
    assert!(counts[&1] > 300 && counts[&2] > 300, "{counts:?}");
}

/// A slow one that is as fast as the others again gets as much again.
#[tokio::test(start_paused = true)]
async fn a_slow_one_comes_back() {
    let cluster = cluster("{endpoints: ['127.0.0.1:1', '127.0.0.1:2']}");
    load(&cluster, 8, 1000, |port| if port == 2 { 100 * MS } else { MS }).await;
    sleep(Duration::from_mins(1)).await;
    let counts = counts(&load(&cluster, 8, 2000, |_| MS).await);
    assert!(counts[&2] > 600, "{counts:?}");
}

#[test]
fn those_that_were_tried_are_left_out() {
    let cluster = cluster("{endpoints: ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3']}");
    let tried = [endpoint(&cluster, 1), endpoint(&cluster, 3)];
    for _ in 0..100 {
        assert_eq!(port(cluster.choose(&tried).unwrap().endpoint()), 2);
    }
    let all = [1, 2, 3].map(|port| endpoint(&cluster, port));
    assert_eq!(super::refused(cluster.choose(&all)), Some(super::Unavailable::None));
}
