//! What goes wrong, and when.

use std::time::Duration;

pub struct Scenario {
    pub name: &'static str,
    /// How many lines are written, to all logs together
    pub lines: u64,
    /// How many of them in a second; none is as fast as can be
    pub rate: Option<u64>,
    /// How many logs
    pub logs: u64,
    /// When what happens, after the first line
    pub events: Vec<(Duration, Event)>,
    /// So many of a hundred documents are answered with 429
    pub busy: u64,
    /// Each one of so many does not fit the mapping
    pub conflict: Option<u64>,
    /// Whether it is asked to stop at once after the last line, not when all has come
    pub stop_at_once: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A log is renamed, and a new one made
    Rename(usize),
    /// A log is copied and truncated, while it is written to
    CopyAndTruncate(usize),
    /// kill -9, and started again
    Kill,
    /// SIGTERM, and started again
    Restart,
    /// The sink is gone
    Down,
    Up,
    /// The disk that the state is on is full
    Fill,
    Free,
    /// What was sent is stored, but the answer is lost
    LoseAnswer,
}

/// All of them; the last one goes on for so long.
pub fn all(lines: u64, rate: u64, last: Duration) -> Vec<Scenario> {
    let whole = Duration::from_secs_f64(to_float(lines) / to_float(rate));
    let part = |part: u32, of: u32| whole * part / of;
    let plain = |name, events| Scenario {
        name,
        lines,
        rate: Some(rate),
        logs: 1,
        events,
        busy: 0,
        conflict: None,
        stop_at_once: false,
    };
    let copies = (1..=5).map(|number| (part(number, 6), Event::CopyAndTruncate(0))).collect();
    let kills = (1..=3).map(|number| (part(number, 4), Event::Kill)).collect();
    let down = vec![(part(1, 4), Event::Down), (part(1, 4) + Duration::from_secs(20), Event::Up)];
    let full = vec![(part(1, 4), Event::Fill), (part(2, 4), Event::Kill), (part(3, 4), Event::Free)];
    vec![
        plain("rename every 2 s", every(2000, whole, Event::Rename(0))),
        plain("rename every 0.5 s", every(500, whole, Event::Rename(0))),
        plain("copytruncate x5", copies),
        plain("kill -9 x3", kills),
        plain("sink down 20 s", down),
        Scenario { busy: 10, ..plain("10% of items answered 429", vec![]) },
        Scenario { conflict: Some(1000), ..plain("every 1,000th a mapping conflict", vec![]) },
        Scenario {
            lines: 100_000,
            rate: None,
            stop_at_once: true,
            ..plain("SIGTERM after a burst of 100,000", vec![])
        },
        plain("disk full under the state", full),
        together(rate, last),
    ]
}

/// Each of them again and again, at moments that meet in ever other ways.
fn together(rate: u64, last: Duration) -> Scenario {
    let mut events = vec![];
    for (event, first, period) in [
        (Event::Rename(0), 2000, 2000),
        (Event::CopyAndTruncate(1), 7000, 41_000),
        (Event::Kill, 11_000, 37_000),
        (Event::Restart, 23_000, 67_000),
        (Event::Down, 30_000, 97_000),
        (Event::Up, 50_000, 97_000),
        (Event::Fill, 61_000, 89_000),
        (Event::Free, 73_000, 89_000),
        (Event::LoseAnswer, 3000, 5300),
    ] {
        let first = Duration::from_millis(first);
        let others = every(period, last.saturating_sub(first), event);
        events.push((first, event));
        events.extend(others.into_iter().map(|(at, event)| (first + at, event)));
    }
    events.retain(|(at, _)| *at < last);
    events.sort_by_key(|(at, _)| *at);
    Scenario {
        name: "all of it together",
        lines: rate * last.as_secs(),
        rate: Some(rate),
        logs: 2,
        events,
        busy: 10,
        conflict: Some(1000),
        stop_at_once: false,
    }
}

fn every(milliseconds: u64, whole: Duration, event: Event) -> Vec<(Duration, Event)> {
    let period = Duration::from_millis(milliseconds);
    let first = (period < whole).then_some(period);
    let times = std::iter::successors(first, |at| Some(*at + period).filter(|next| *next < whole));
    times.map(|at| (at, event)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a few millions")]
fn to_float(number: u64) -> f64 {
    number as f64
}
