//! What goes wrong, and when.

use std::time::Duration;

pub struct Scenario {
    pub name: &'static str,
    /// What the app's slowest answers may take
    pub asked: Option<Asked>,
    pub connections: usize,
    /// Whether each request has a connection of its own, of which the proxy knows nothing but bytes
    pub tcp: bool,
    /// How long all is well at first, to see what the machine does by itself
    pub calm: Duration,
    /// And how long it is not
    pub lasts: Duration,
    /// When what happens, after that
    pub events: Vec<(Duration, Event)>,
}

/// Of GETs.
#[derive(Clone, Copy)]
pub enum Asked {
    Worst(u64),
    Quick(u64),
}

/// To one of the upstreams.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// kill -9, and what it had is gone
    Kill(usize),
    Start(usize),
    /// SIGSTOP
    Stop(usize),
    Continue(usize),
    /// SIGTERM, and started again
    Restart(usize),
    /// The same, and then it takes 500 ms for each answer
    Slow(usize),
    /// There is no way to it
    Unplug(usize),
    Plug(usize),
    /// What is sent to it, or by it, is lost without a word
    Lose(usize),
    Find(usize),
    /// The proxy's file is another one, without one of them in turn
    Reload,
}

/// All of them; the last one goes on for so long.
pub fn all(last: Duration) -> Vec<Scenario> {
    let usual = |name, events| Scenario {
        name,
        asked: None,
        connections: 64,
        tcp: false,
        calm: seconds(10.0),
        lasts: seconds(15.0),
        events: times(events),
    };
    let restarts = [(1.0, Event::Restart(0)), (5.0, Event::Restart(1)), (9.0, Event::Restart(2))];
    let reloads = || every(1.0, seconds(15.0), &[(0.5, Event::Reload)]);
    let three = || [times(restarts.to_vec()), reloads()].concat();
    let many = |scenario| Scenario { connections: 10_000, ..scenario };
    let worst = |scenario| Scenario { asked: Some(Asked::Worst(250)), ..scenario };
    let longer = |scenario| Scenario { lasts: seconds(30.0), ..scenario };
    let kill = || vec![(1.0, Event::Kill(0)), (8.0, Event::Start(0))];
    let hang = || vec![(1.0, Event::Stop(0)), (9.0, Event::Continue(0))];
    let mut all = vec![
        worst(usual("one of three killed", kill())),
        longer(worst(usual("one hangs for 8 s", hang()))),
        Scenario { asked: Some(Asked::Quick(50)), ..usual("one takes 500 ms", vec![(0.0, Event::Slow(0))]) },
        longer(usual("its link is down for 6 s", vec![(1.0, Event::Unplug(0)), (7.0, Event::Plug(0))])),
        longer(usual("its packets are lost for 6 s", vec![(1.0, Event::Lose(0)), (7.0, Event::Find(0))])),
        usual("all three restarted in turn", restarts.to_vec()),
        Scenario { events: reloads(), ..usual("another file every second", vec![]) },
        many(usual("10,000 connections", vec![])),
        many(Scenario { events: three(), ..usual("these at once", vec![]) }),
        Scenario { tcp: true, ..usual("TCP: one of three killed", kill()) },
    ];
    let events = [every(30.0, last, &TOGETHER), every(1.0, last, &[(0.5, Event::Reload)])].concat();
    all.push(Scenario { lasts: last, events, ..usual("all of it, again and again", vec![]) });
    for scenario in &mut all {
        scenario.events.sort_by_key(|(at, _)| *at);
    }
    all
}

/// In a turn of 30 s. There is always one that is well.
const TOGETHER: [(f64, Event); 13] = [
    (1.0, Event::Kill(0)),
    (4.0, Event::Start(0)),
    (6.0, Event::Stop(1)),
    (10.0, Event::Continue(1)),
    (12.0, Event::Slow(2)),
    (15.0, Event::Restart(2)),
    (17.0, Event::Unplug(0)),
    (20.0, Event::Plug(0)),
    (22.0, Event::Lose(1)),
    (25.0, Event::Find(1)),
    (27.0, Event::Restart(0)),
    (28.0, Event::Restart(1)),
    (29.0, Event::Restart(2)),
];

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn times(events: Vec<(f64, Event)>) -> Vec<(Duration, Event)> {
    events.into_iter().map(|(at, event)| (seconds(at), event)).collect()
}

/// Turns of `period` seconds, as many as are over when `whole` is.
fn every(period: f64, whole: Duration, turn: &[(f64, Event)]) -> Vec<(Duration, Event)> {
    let period = seconds(period);
    let starts = std::iter::successors(Some(Duration::ZERO), |start| Some(*start + period));
    let starts = starts.take_while(|start| *start + period <= whole);
    starts.flat_map(|start| turn.iter().map(move |(at, event)| (start + seconds(*at), *event))).collect()
}
