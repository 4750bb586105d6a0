//! What is too much.

use super::{cluster, endpoint, port, refused, settings};
use crate::cluster::{Failure, Unavailable};
use std::rc::Rc;
use std::time::Duration;
use tokio::task::{LocalSet, spawn_local, yield_now};
use tokio::time::Instant;

const TWO: &str = "endpoints: ['127.0.0.1:1', '127.0.0.1:2']";

#[test]
fn connections_of_each() {
    for balance in ["ewma", "least-request", "round-robin"] {
        let cluster = cluster(&format!("{{{TWO}, limits: {{connections: 3}}, balance: {balance}}}"));
        let held: Vec<_> = (0..6).map(|_| cluster.choose(&[]).unwrap()).collect();
        assert_eq!([1, 2].map(|port| endpoint(&cluster, port).busy()), [3, 3]);
        assert_eq!(refused(cluster.choose(&[])), Some(Unavailable::Busy));
        assert_eq!(refused(cluster.choose(&[endpoint(&cluster, 1)])), Some(Unavailable::Busy));
        drop(held);
        assert!(cluster.choose(&[]).is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn first_come_first_served() {
    let tasks = async {
        let cluster = cluster("{endpoints: ['127.0.0.1:1'], limits: {connections: 1, pending: 2}}");
        let held = cluster.wait(&[]).await.ok();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let cluster = cluster.clone();
                spawn_local(async move {
                    let result = cluster.wait(&[]).await;
                    (Instant::now(), result)
                })
            })
            .collect();
        yield_now().await;
        assert_eq!(cluster.waiting.count(), 2, "the third is refused");
        tokio::time::advance(Duration::from_millis(10)).await;
        drop(held);
        let [first, second, third] = <[_; 3]>::try_from(waiting).unwrap_or_else(|_| panic!());
        let (_, first) = first.await.unwrap();
        assert_eq!(port(first.as_ref().unwrap().endpoint()), 1);
        assert!(!second.is_finished());
        assert_eq!(refused(third.await.unwrap().1), Some(Unavailable::Busy));
        drop(first);
        assert!(second.await.unwrap().1.is_ok());
        assert_eq!((cluster.counters.refused.get(), endpoint(&cluster, 1).busy()), (1, 0));
    };
    LocalSet::new().run_until(tasks).await;
}

/// That an endpoint was left out for long enough nobody tells, and those that wait are served all the same.
#[tokio::test(start_paused = true)]
async fn one_that_was_left_out_is_tried_by_those_that_wait() {
    const SETTINGS: &str = "limits: {connections: 1}, outlier: {failures: 1, eject-for: 800ms}, connect-timeout: 1s";
    for meanwhile in [false, true] {
        let cluster = cluster(&format!(
            "{{endpoints: ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'], balance: round-robin, {SETTINGS}}}"
        ));
        let [one, _two, _three] = [(); 3].map(|()| cluster.choose(&[]).unwrap());
        let out = port(one.endpoint());
        let fails = async move {
            let mut one = one;
            one.failed(Failure::Timeout);
        };
        let waited = if meanwhile {
            tokio::join!(cluster.wait(&[]), fails).0
        } else {
            fails.await;
            cluster.wait(&[]).await
        };
        assert_eq!(waited.map(|chosen| port(chosen.endpoint())), Ok(out));
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let cluster = cluster(&format!("{{{TWO}, limits: {{connections: 1}}, connect-timeout: 3s}}"));
    let held = [cluster.choose(&[]), cluster.choose(&[])];
    let start = Instant::now();
    assert_eq!(refused(cluster.wait(&[]).await), Some(Unavailable::Busy));
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(refused(cluster.wait(&[1, 2].map(|port| endpoint(&cluster, port))).await), Some(Unavailable::None));
    assert_eq!(start.elapsed().as_secs(), 3, "there is nothing to wait for");
    drop(held);
    assert_eq!(cluster.waiting.count(), 0);
    assert!(cluster.wait(&[]).await.is_ok());
}

/// One that has tried an endpoint does not keep others from it, and gets another one.
#[tokio::test(start_paused = true)]
async fn those_that_may_not_have_it_wait_on() {
    let tasks = async {
        let cluster = cluster(&format!("{{{TWO}, limits: {{connections: 1}}}}"));
        let mut held: Vec<_> = (0..2).map(|_| cluster.choose(&[]).unwrap()).collect();
        held.sort_by_key(|attempt| port(attempt.endpoint()));
        let wait = |tried: Vec<u16>| {
            let cluster = cluster.clone();
            let tried: Vec<_> = tried.into_iter().map(|port| endpoint(&cluster, port)).collect();
            spawn_local(async move { cluster.wait(&tried).await.map(|chosen| port(chosen.endpoint())) })
        };
        let (picky, any) = (wait(vec![1]), wait(vec![]));
        yield_now().await;
        drop(held.remove(0));
        assert_eq!(any.await.unwrap(), Ok(1));
        assert!(!picky.is_finished());
        drop(held);
        assert_eq!(picky.await.unwrap(), Ok(2));
    };
    LocalSet::new().run_until(tasks).await;
}

/// Who gives up leaves nothing behind, whenever that is.
#[tokio::test(start_paused = true)]
async fn who_gives_up_keeps_nothing() {
    let tasks = async {
        let cluster = cluster("{endpoints: ['127.0.0.1:1'], limits: {connections: 1}}");
        let held = cluster.choose(&[]).unwrap();
        let wait = || {
            let cluster = cluster.clone();
            spawn_local(async move { cluster.wait(&[]).await.map(drop) })
        };
        let (impatient, patient) = (wait(), wait());
        yield_now().await;
        drop(held); // it is the impatient one's, which has not seen it
        impatient.abort();
        assert!(impatient.await.is_err_and(|error| error.is_cancelled()));
        assert!(patient.await.unwrap().is_ok());
        assert_eq!(endpoint(&cluster, 1).busy(), 0);
    };
    LocalSet::new().run_until(tasks).await;
}

#[tokio::test(start_paused = true)]
async fn new_limits_let_those_in_that_wait() {
    let tasks = async {
        let cluster = cluster("{endpoints: ['127.0.0.1:1'], limits: {connections: 1}}");
        let _held = cluster.choose(&[]).unwrap();
        let waiting = {
            let cluster = Rc::clone(&cluster);
            spawn_local(async move { cluster.wait(&[]).await.map(drop) })
        };
        yield_now().await;
        cluster.reconfigure(&settings("{endpoints: ['127.0.0.1:1'], limits: {connections: 2}}"));
        assert!(waiting.await.unwrap().is_ok());
    };
    LocalSet::new().run_until(tasks).await;
}
