use crate::{WAIT, launch, waiting};
use e2e::orphans::{self, Way};
use e2e::process::{Process, cpu_time, until};

const ORPHANS: usize = 20_000;

fn make_orphans(init: &Process, way: Way, count: usize) -> usize {
    orphans::make_beside(init, env!("CARGO_BIN_EXE_app").as_ref(), way, count).unwrap()
}

fn orphans_cost_nothing(way: Way) {
    let (pause, _stderr) = waiting(launch().as_pid_1());
    let before = (pause.context_switches(), cpu_time(pause.pid));
    let adopted = make_orphans(&pause, way, ORPHANS);
    assert_eq!(adopted, if way == Way::Zombie { 0 } else { ORPHANS }, "orphans with PID 1 as their parent");
    // The last may still be on its way out; none that is dead may stay.
    until("pause has no children", || pause.children().next().is_none());
    assert_eq!((pause.context_switches(), cpu_time(pause.pid)), before, "context switches and CPU time of pause");
    pause.until_in_syscall(WAIT);
}

#[test]
fn orphans_already_zombies_cost_nothing() {
    if !e2e::is_root() {
        return;
    }
    orphans_cost_nothing(Way::Zombie);
}

#[test]
fn orphans_alive_cost_nothing() {
    if !e2e::is_root() {
        return;
    }
    orphans_cost_nothing(Way::Alive);
}

#[test]
fn orphans_one_after_another_cost_nothing() {
    if !e2e::is_root() {
        return;
    }
    orphans_cost_nothing(Way::Serial);
}

#[test]
fn orphans_in_sessions_of_their_own_cost_nothing() {
    if !e2e::is_root() {
        return;
    }
    orphans_cost_nothing(Way::Session);
}

/// The check above can fail: a PID 1 that does not reap keeps its orphans.
#[test]
fn a_pid_1_that_does_not_reap_keeps_zombies() {
    if !e2e::is_root() {
        return;
    }
    let sleep = e2e::launch::Launch::new("/bin/sleep".as_ref()).arg("1000").as_pid_1().spawn().unwrap();
    sleep.until_in_syscall(libc::SYS_clock_nanosleep);
    make_orphans(&sleep, Way::Zombie, 10);
    assert_eq!(sleep.zombies(), 10);
}
