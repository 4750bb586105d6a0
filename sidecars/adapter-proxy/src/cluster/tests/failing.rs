//! Who is left out, and for how long.

use super::{cluster, counts, endpoint, port, ports, refused};
use crate::cluster::{Cluster, End, Failure, Unavailable};
use std::time::Duration;
use tokio::time::{Instant, advance};

const THREE: &str = "endpoints: ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'], balance: round-robin";

/// Tries fail at these until they are out.
fn fail(cluster: &Cluster, ports: &[u16]) {
    let others: Vec<_> =
        cluster.members.list().iter().filter(|endpoint| !ports.contains(&port(endpoint))).cloned().collect();
    for _ in 0..5 * ports.len() {
        if let Ok(mut attempt) = cluster.choose(&others) {
            attempt.failed(Failure::Connect);
        }
    }
    for port in ports {
        assert!(!endpoint(cluster, *port).is_well(Instant::now()), "{port}");
    }
}

/// Those that may be chosen now.
fn all(cluster: &Cluster) -> Vec<u16> {
    let tries: Vec<_> = (0..100).filter_map(|_| cluster.choose(&[]).ok()).collect();
    let ports: Vec<_> = tries.iter().map(|attempt| port(attempt.endpoint())).collect();
    counts(&ports).into_keys().collect()
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_is_left_out_and_tried_again() {
    let cluster = cluster(&format!("{{{THREE}, outlier: {{eject-for: 4s, longest: 8s}}}}"));
    fail(&cluster, &[2]);
    assert_eq!(counts(&ports(&cluster, 100)).into_keys().collect::<Vec<_>>(), [1, 3]);
    advance(Duration::from_millis(2900)).await;
    assert!(!ports(&cluster, 100).contains(&2), "not before three quarters of the time");
    advance(Duration::from_millis(1200)).await;
    // The first of those that are chosen finds out, and until it has there is no other.
    let tries: Vec<_> = (0..9).map(|_| cluster.choose(&[]).unwrap()).collect();
    let there = |port_of| tries.iter().filter(|attempt| port(attempt.endpoint()) == port_of).count();
    assert_eq!(there(2), 1);
    for mut attempt in tries {
        match port(attempt.endpoint()) {
            2 => attempt.failed(Failure::Timeout),
            _ => attempt.succeeded(),
        }
    }
    advance(Duration::from_secs(5)).await;
    assert!(!ports(&cluster, 100).contains(&2), "longer than the first time");
    advance(Duration::from_secs(4)).await;
    assert_eq!(counts(&ports(&cluster, 90)).len(), 3);
    let two = endpoint(&cluster, 2);
    assert!(two.is_well(Instant::now()));
    assert_eq!((two.outlier.ejections(), two.ended(End::Failed(Failure::Timeout))), (2, 1));
}

/// The better of two prefers the one that is due, however slow it seemed to be.
#[tokio::test(start_paused = true)]
async fn the_better_of_two_finds_out_soon() {
    let cluster = cluster("{endpoints: ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3']}");
    ports(&cluster, 100);
    let mut late = cluster.choose(&[endpoint(&cluster, 1), endpoint(&cluster, 3)]).unwrap();
    fail(&cluster, &[2]);
    advance(Duration::from_millis(500)).await;
    late.failed(Failure::Timeout);
    drop(late);
    advance(Duration::from_millis(500)).await;
    assert!(endpoint(&cluster, 2).latency.expected(Instant::now()) > 0.1);
    assert!(ports(&cluster, 100).contains(&2));
    assert!(endpoint(&cluster, 2).is_well(Instant::now()));
}

/// Which one a request gets that can be sent but once, when the others have been tried.
fn once(cluster: &Cluster, others: &[u16]) -> u16 {
    let others: Vec<_> = others.iter().map(|port| endpoint(cluster, *port)).collect();
    let chosen = cluster.surer(cluster.choose(&others).unwrap(), &[]);
    assert_eq!(endpoint(cluster, 1).busy() + endpoint(cluster, 2).busy() + endpoint(cluster, 3).busy(), 1);
    port(chosen.endpoint())
}

#[tokio::test(start_paused = true)]
async fn what_can_be_sent_but_once_does_not_find_out() {
    let cluster = cluster("{endpoints: ['127.0.0.1:1', '127.0.0.1:2', {at: '127.0.0.1:3', backup: true}]}");
    fail(&cluster, &[2]);
    advance(Duration::from_secs(2)).await;
    assert!(endpoint(&cluster, 2).outlier.is_due(Instant::now()));
    assert_eq!(once(&cluster, &[1]), 1);
    assert!(endpoint(&cluster, 2).outlier.is_due(Instant::now()), "it is still to be found out");
    advance(Duration::from_secs(10)).await;
    assert_eq!(once(&cluster, &[1]), 2, "nobody else has");
    // One failure is enough, unless it was an answer, and until it succeeds.
    let end = |port: u16, failure: Option<Failure>| {
        let mut attempt = cluster.choose(&[endpoint(&cluster, 3 - port)]).unwrap();
        match failure {
            Some(failure) => attempt.failed(failure),
            None => attempt.succeeded(),
        }
    };
    end(2, None);
    end(2, Some(Failure::Status));
    assert_eq!(once(&cluster, &[1]), 2);
    end(2, Some(Failure::Broken));
    assert_eq!(once(&cluster, &[1]), 1);
    end(2, None);
    assert_eq!(once(&cluster, &[1]), 2);
    // Who is no better is no reason to go there, and a backup is for when no other is well.
    end(1, Some(Failure::Timeout));
    end(2, Some(Failure::Timeout));
    assert_eq!(once(&cluster, &[1]), 2);
}

#[tokio::test(start_paused = true)]
async fn when_too_few_are_well_all_are_used() {
    let cluster = cluster(&format!("{{{THREE}, panic-threshold: 50}}"));
    fail(&cluster, &[1]);
    assert_eq!(counts(&ports(&cluster, 90)).len(), 2);
    fail(&cluster, &[2]);
    // A third of them is well.
    assert!(cluster.panics(Instant::now()));
    assert_eq!(all(&cluster), [1, 2, 3]);
    // What succeeds is in again, and two thirds are enough.
    let mut attempt = cluster.choose(&[endpoint(&cluster, 2), endpoint(&cluster, 3)]).unwrap();
    attempt.succeeded();
    assert!(!cluster.panics(Instant::now()));
    assert_eq!(all(&cluster), [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn without_a_threshold_nobody_is_better_than_those_that_fail() {
    let cluster = cluster(&format!("{{{THREE}, panic-threshold: 0}}"));
    fail(&cluster, &[1, 2]);
    assert_eq!(counts(&ports(&cluster, 90)).into_keys().collect::<Vec<_>>(), [3]);
    fail(&cluster, &[3]);
    assert_eq!(refused(cluster.choose(&[])), Some(Unavailable::None));
}

#[tokio::test(start_paused = true)]
async fn the_only_one_is_always_used() {
    let cluster = cluster("{endpoints: ['127.0.0.1:1']}");
    fail(&cluster, &[1]);
    assert_eq!(ports(&cluster, 10), [1; 10]);
}

#[tokio::test(start_paused = true)]
async fn backups_are_for_when_no_other_is_well() {
    let cluster = cluster("{endpoints: ['127.0.0.1:1', '127.0.0.1:2', {at: '127.0.0.1:3', backup: true}]}");
    assert!(!ports(&cluster, 100).contains(&3));
    fail(&cluster, &[1]);
    assert_eq!(ports(&cluster, 10), [2; 10]);
    fail(&cluster, &[2]);
    assert_eq!(ports(&cluster, 10), [3; 10]);
    // One that was tried in vain is no reason to give up either.
    advance(Duration::from_mins(2)).await;
    let tried = [endpoint(&cluster, 1), endpoint(&cluster, 2)];
    assert_eq!(port(cluster.choose(&tried).unwrap().endpoint()), 3);
    // And when the backup fails, too, all are as good.
    fail(&cluster, &[1, 2]);
    fail(&cluster, &[3]);
    assert_eq!(all(&cluster), [1, 2, 3]);
}
