//! The end of a program, and its beginning.

mod child;

use chassis::service;
use chassis::stop::Stop;
use rustix::process::{Resource, getrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::raise;
use std::ffi::c_int;
use std::process::exit;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

/// To this very thread: when it goes on, the signal has been handled.
fn signal(signal: c_int) {
    raise(signal).unwrap();
}

#[test]
fn everyone_who_waits_is_told() {
    const NAME: &str = "everyone_who_waits_is_told";
    if !child::is(NAME) {
        return child::succeeds(&child::run(NAME, ":"));
    }
    let stop = Stop::after(Duration::from_secs(7)).unwrap();
    let told = service::run(async {
        let early = tokio::time::timeout(Duration::from_millis(10), stop.asked()).await;
        assert!(early.is_err() && stop.deadline().is_none() && stop.check().is_ok());
        let asked = async {
            tokio::join!(stop.asked(), stop.asked(), async {
                tokio::task::yield_now().await;
                signal(SIGTERM);
            });
        };
        tokio::time::timeout(LIMIT, asked).await?;
        let deadline = stop.deadline().unwrap();
        let left = deadline.duration_since(Instant::now());
        assert!(left > Duration::ZERO && left <= Duration::from_secs(7), "{left:?}");
        assert!(stop.check().is_ok());
        // Who comes late is told, too, and there is still one deadline.
        tokio::time::timeout(LIMIT, stop.asked()).await?;
        assert_eq!(stop.deadline(), Some(deadline));
        Ok(())
    });
    told.unwrap();
}

#[test]
fn a_signal_before_anyone_waits() {
    const NAME: &str = "a_signal_before_anyone_waits";
    if !child::is(NAME) {
        return child::succeeds(&child::run(NAME, ":"));
    }
    let stop = Stop::after(Duration::MAX).unwrap();
    signal(SIGINT);
    service::run(async { Ok(tokio::time::timeout(LIMIT, stop.asked()).await?) }).unwrap();
    assert!(stop.deadline().is_some());
}

#[test]
fn without_time_to_drain() {
    const NAME: &str = "without_time_to_drain";
    if !child::is(NAME) {
        return child::succeeds(&child::run(NAME, ":"));
    }
    let stop = Stop::after(Duration::ZERO).unwrap();
    assert!(stop.check().is_ok());
    signal(SIGTERM);
    assert!(stop.check().is_err());
}

#[test]
fn a_second_signal_ends_it() {
    const NAME: &str = "a_second_signal_ends_it";
    if !child::is(NAME) {
        let output = child::run(NAME, ":");
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("asked to stop: finishing, for 20s at most") && !said.contains("still here"), "{said}");
        return;
    }
    let stop = Stop::after(LIMIT).unwrap();
    service::run(async {
        signal(SIGTERM);
        stop.asked().await;
        signal(SIGTERM);
        eprintln!("still here");
        Ok(())
    })
    .unwrap();
}

/// Who has a goodbye to say hears of the second one, and the third ends it.
#[test]
fn a_second_signal_is_heard() {
    const NAME: &str = "a_second_signal_is_heard";
    if !child::is(NAME) {
        let output = child::run(NAME, ":");
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("goodbye") && !said.contains("still here"), "{said}");
        return;
    }
    let stop = Stop::after_goodbye(LIMIT).unwrap();
    service::run(async {
        signal(SIGTERM);
        stop.asked().await;
        let early = tokio::time::timeout(Duration::from_millis(10), stop.again()).await;
        assert!(early.is_err());
        let again = async {
            tokio::join!(stop.again(), async {
                tokio::task::yield_now().await;
                signal(SIGINT);
            });
        };
        tokio::time::timeout(LIMIT, again).await?;
        eprintln!("goodbye");
        signal(SIGTERM);
        eprintln!("still here");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_service_may_open_as_many_files_as_it_is_let() {
    const NAME: &str = "a_service_may_open_as_many_files_as_it_is_let";
    if !child::is(NAME) {
        return child::succeeds(&child::run(NAME, "ulimit -Sn 100; ulimit -Hn 900"));
    }
    assert_eq!(getrlimit(Resource::Nofile).current, Some(100));
    service::run(async {
        assert_eq!(getrlimit(Resource::Nofile).current, Some(900));
        Ok(())
    })
    .unwrap();
}

/// A call that hangs off the one thread, on a disk for one, does not keep the program from ending.
#[test]
fn a_hung_disk_does_not_keep_it() {
    const NAME: &str = "a_hung_disk_does_not_keep_it";
    if !child::is(NAME) {
        assert_eq!(child::run(NAME, ":").status.code(), Some(7));
        return;
    }
    let (_keep, never) = std::sync::mpsc::channel::<()>();
    let result = service::run(async {
        let (begun, begins) = tokio::sync::oneshot::channel();
        tokio::task::spawn_blocking(move || begun.send(()).map(|()| never.recv()));
        begins.await?;
        anyhow::bail!("something is left")
    });
    assert!(result.is_err());
    exit(7);
}
