//! What came of a scenario.

use super::load::Sample;
use super::scenario::{Asked, Scenario};
use super::stage::{Fault, Stage};
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// What is longer is waiting.
const MOMENT: Duration = Duration::from_millis(250);

pub struct Outcome {
    name: &'static str,
    asked: Option<Asked>,
    /// While all was well, and then
    gets: [Times; 2],
    posts: Times,
    failed_gets: usize,
    failed_posts: usize,
    /// Failed, though no upstream failed meanwhile
    without_cause: usize,
    /// POSTs that took more than a moment
    waited: usize,
    twice: usize,
    /// Answered, and nobody has it
    lost: usize,
    /// From the end of a fault to the upstream's next answer, the longest
    back: Option<Duration>,
    /// kB
    peak: u64,
    descriptors: usize,
}

/// How long answers took.
struct Times {
    count: usize,
    quick: Duration,
    worst: Duration,
}

impl Times {
    /// Of these, and the time that 99% of them kept to.
    fn of<'a>(samples: impl Iterator<Item = &'a Sample>) -> Self {
        let mut times: Vec<_> = samples.map(|sample| sample.took).collect();
        times.sort_unstable();
        let at = |index: usize| times.get(index).copied().unwrap_or_default();
        Self { count: times.len(), quick: at(times.len() * 99 / 100), worst: at(times.len().saturating_sub(1)) }
    }
}

impl Outcome {
    pub const HEADER: &str = "\
scenario                          GETs  failed  p99, worst ms    before     asked  POSTs  failed  lost  twice  waited  worst ms  back after  peak RSS  descriptors left";

    /// `calm` is when all was well.
    pub fn of(
        scenario: &Scenario,
        samples: &[Sample],
        calm: (Duration, Duration),
        stage: &Stage,
        peak: u64,
        descriptors: usize,
    ) -> Self {
        let gets = |from: Duration, to: Duration| {
            Times::of(samples.iter().filter(move |sample| !sample.is_post && sample.begun >= from && sample.begun < to))
        };
        let failed = |is_post| samples.iter().filter(move |sample| sample.is_post == is_post && sample.result.is_err());
        // What cannot be sent again may fail with the upstream that had it: a POST, or a connection of which nothing is known.
        let may_fail = |sample: &Sample| {
            (sample.is_post || scenario.tcp) && stage.faults.iter().any(|fault| is_during(sample, fault))
        };
        let done = stage.posts();
        let answered = samples.iter().filter(|sample| sample.is_post && sample.result.is_ok()).count();
        Self {
            name: scenario.name,
            asked: scenario.asked,
            gets: [gets(calm.0, calm.1), gets(calm.1, Duration::MAX)],
            posts: Times::of(samples.iter().filter(|sample| sample.is_post && sample.begun >= calm.1)),
            failed_gets: failed(false).count(),
            failed_posts: failed(true).count(),
            without_cause: samples.iter().filter(|sample| sample.result.is_err() && !may_fail(sample)).count(),
            twice: done.values().filter(|times| **times > 1).count(),
            waited: samples.iter().filter(|sample| sample.is_post && sample.took > MOMENT).count(),
            lost: answered.saturating_sub(done.len()),
            back: stage.returns.iter().filter_map(|(one, at)| returned(samples, *one, *at)).max(),
            peak,
            descriptors,
        }
    }

    pub fn is_good(&self) -> bool {
        self.without_cause == 0 && self.twice == 0 && self.lost == 0 && self.descriptors == 0
    }
}

fn is_during(sample: &Sample, fault: &Fault) -> bool {
    sample.ended() >= fault.from && fault.to.is_none_or(|to| sample.begun <= to)
}

/// How long it took the upstream from then on to the answer of a request that was begun later.
fn returned(samples: &[Sample], one: usize, at: Duration) -> Option<Duration> {
    let name = u8::try_from(one).ok()? + 1;
    let next = samples.iter().filter(|sample| sample.result == Ok(name) && sample.begun > at).map(Sample::ended).min();
    next?.checked_sub(at)
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Self { name, failed_gets, failed_posts, lost, twice, waited, descriptors, .. } = self;
        let ms = |time: Duration| time.as_millis();
        let [before, gets] = self.gets.each_ref().map(|times| format!("{}, {}", ms(times.quick), ms(times.worst)));
        let asked = match self.asked {
            Some(Asked::Worst(time)) => format!("-, {time}"),
            Some(Asked::Quick(time)) => format!("{time}, -"),
            None => "-".into(),
        };
        let back = self.back.map_or("-".into(), |time| format!("{} ms", ms(time)));
        let peak = format!("{}.{} MB", self.peak * 1024 / 1_000_000, self.peak * 1024 / 100_000 % 10);
        let (count, posts, worst) = (self.gets[1].count, self.posts.count, ms(self.posts.worst));
        write!(
            f,
            "{name:<30} {count:>7} {failed_gets:>7} {gets:>14} {before:>9} {asked:>9} {posts:>6} {failed_posts:>7} \
             {lost:>5} {twice:>6} {waited:>7} {worst:>9} {back:>11} {peak:>9} {descriptors:>17}"
        )?;
        if self.without_cause > 0 {
            write!(f, "  {} FAILED WITHOUT A CAUSE", self.without_cause)?;
        }
        Ok(())
    }
}
