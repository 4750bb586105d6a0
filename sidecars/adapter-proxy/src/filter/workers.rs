//! The workers that there are, and what waits for them. What comes while one is busy it gets together: to wake it costs
//! more than most bodies do.

use super::frame::{Coding, Job, Made, wears};
use super::process::{Killed, Process, bury};
use crate::body::Unfit;
use crate::config;
use chassis::exposition::Exposition;
use chassis::message;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Display, Formatter};
use std::future::pending;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, oneshot};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};

/// All but one that have had nothing to do for so long are ended.
const IDLE: Duration = Duration::from_secs(10);

/// Who waits so long for one that is busy gets another one.
const PATIENCE: Duration = Duration::from_millis(5);

/// Where one more could not be started, and there are others, none is tried for so long.
const AGAIN: Duration = Duration::from_secs(1);

/// A task that came to no good end is done alone for so long.
const SUSPECT: Duration = Duration::from_mins(1);

/// What one gets together, in bytes: less than its socket takes without its help.
const BATCH: usize = 64 << 10;

pub struct Workers {
    settings: config::Filters,
    /// What each is told first
    configuration: Rc<str>,
    queue: RefCell<VecDeque<Waiting>>,
    running: Cell<usize>,
    /// Those that have nothing to do, the last of which had something last: its memory is warm
    idle: RefCell<Vec<Rc<Notify>>>,
    /// When a task came to no good end last
    suspects: RefCell<BTreeMap<u32, Instant>>,
    /// Those that are busy with one of these
    apart: Cell<usize>,
    /// When one could not be started last, if none was since
    short: Cell<Option<Instant>>,
    /// There are others for what comes
    is_retired: Cell<bool>,
    counters: Rc<Counters>,
    graves: UnboundedSender<Killed>,
}

/// A body that waits for a worker, or is with one.
struct Waiting {
    task: u32,
    frame: Vec<u8>,
    since: Instant,
    /// It was with others when something went wrong: whose fault it is will be seen
    alone: bool,
    answer: oneshot::Sender<Result<Made, Failure>>,
}

/// Of all there were, also with earlier configurations.
#[derive(Default)]
pub struct Counters {
    pub started: Cell<u64>,
    pub made: Cell<u64>,
    pub unfit: Cell<u64>,
    pub late: Cell<u64>,
    pub died: Cell<u64>,
    pub busy: Cell<u64>,
    pub absent: Cell<u64>,
}

/// Why nothing was made of a body.
#[derive(Debug)]
pub enum Failure {
    /// It is not what it should be, or the filter fails with it
    Unfit(Unfit),
    /// All workers have too much to do
    Busy,
    /// It took longer than that
    Late(Duration),
    /// It took more memory than there is, or too deep a recursion
    Died(String),
    /// There is no worker to be had
    Absent(String),
}

impl Counters {
    /// Those of a proxy that has had workers.
    pub fn write(&self, page: &mut Exposition) {
        if self.started.get() == 0 {
            return;
        }
        page.counter("adapter_proxy_filters_total", "Bodies that were given to a worker, by what became of them");
        let results = [
            ("made", &self.made),
            ("unfit", &self.unfit),
            ("timeout", &self.late),
            ("died", &self.died),
            ("busy", &self.busy),
            ("absent", &self.absent),
        ];
        for (result, count) in results {
            page.sample(&[("result", result)], count.get());
        }
        page.counter("adapter_proxy_workers_started_total", "Processes that were started to run filters");
        page.sample(&[], self.started.get());
    }

    fn count(&self, result: &Result<Made, Failure>) {
        let count = match result {
            Ok(_) => &self.made,
            Err(Failure::Unfit(_)) => &self.unfit,
            Err(Failure::Busy) => &self.busy,
            Err(Failure::Late(_)) => &self.late,
            Err(Failure::Died(_)) => &self.died,
            Err(Failure::Absent(_)) => &self.absent,
        };
        count.set(count.get() + 1);
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::Unfit(unfit) => unfit.fmt(f),
            Self::Died(what) => f.write_str(what),
            Self::Busy => f.write_str("all workers have too much to do"),
            Self::Late(limit) => write!(f, "the filter takes longer than {limit:?}"),
            Self::Absent(why) => write!(f, "no worker can be started: {why}"),
        }
    }
}

impl Workers {
    /// Those for a configuration, of which there are none yet. `text` is that of its file. Within a `LocalSet`.
    pub fn new(settings: &config::Filters, text: &str, counters: Rc<Counters>) -> Rc<Self> {
        let (graves, killed) = unbounded_channel();
        spawn_local(bury(killed));
        Rc::new(Self {
            settings: settings.clone(),
            configuration: text.into(),
            queue: RefCell::default(),
            running: Cell::new(0),
            idle: RefCell::default(),
            suspects: RefCell::default(),
            apart: Cell::new(0),
            short: Cell::new(None),
            is_retired: Cell::new(false),
            counters,
            graves,
        })
    }

    /// Ends each of them that has nothing to do. For requests that are under way there are still some, while they need them.
    pub fn retire(&self) {
        self.is_retired.set(true);
        while self.wake() {}
    }

    /// Has a worker do it, and waits for that.
    ///
    /// # Errors
    /// Why nothing was made of the body.
    pub async fn run(
        self: &Rc<Self>,
        task: u32,
        coding: Coding,
        variables: &[u8],
        body: &[u8],
    ) -> Result<Made, Failure> {
        let result = self.queued(&Job { task, coding, variables, body }).await;
        self.counters.count(&result);
        result
    }

    async fn queued(self: &Rc<Self>, job: &Job<'_>) -> Result<Made, Failure> {
        if self.queue.borrow().len() >= self.settings.pending {
            return Err(Failure::Busy);
        }
        let Some(frame) = job.frame() else {
            return Err(Failure::Unfit(Unfit::new("it is too large for a worker".into())));
        };
        let (answer, mut answered) = oneshot::channel();
        self.queue.borrow_mut().push_back(Waiting {
            task: job.task,
            frame,
            since: Instant::now(),
            alone: false,
            answer,
        });
        if self.wake() {
            return answered.await.unwrap_or(Err(Failure::Busy));
        }
        if self.running.get() == 0 {
            self.grow();
        } else if let Ok(answer) = timeout(PATIENCE, &mut answered).await {
            return answer.unwrap_or(Err(Failure::Busy));
        } else if self.idle.borrow().is_empty() && !self.queue.borrow().is_empty() {
            self.grow();
        }
        answered.await.unwrap_or(Err(Failure::Busy))
    }

    /// One more of them, if there may be one.
    fn grow(self: &Rc<Self>) {
        let running = self.running.get();
        // Those that run do what waits. The next who waits too long tries again.
        let is_short = running > 0 && self.short.get().is_some_and(|at| at.elapsed() < AGAIN);
        if running < self.settings.workers && !is_short {
            self.running.set(self.running.get() + 1);
            let this = Rc::downgrade(self);
            spawn_local(async move {
                let Some(this) = this.upgrade() else { return };
                this.drive().await;
                this.running.set(this.running.get() - 1);
                // There may be something left, and nobody to do it.
                if !this.queue.borrow().is_empty() {
                    this.grow();
                    this.wake(); // one that is idle may have had to leave it to this one
                }
            });
        }
    }

    /// Starts a process, and gives it all there is to do, until it ends.
    async fn drive(&self) {
        self.counters.started.set(self.counters.started.get() + 1);
        let mut process = match Process::start(&self.configuration, &self.graves).await {
            Ok(process) => process,
            Err(error) => return self.fall_short(&error),
        };
        self.short.set(None);
        loop {
            let (mut batch, is_apart) = self.next();
            if batch.is_empty() {
                if !self.wait(&process).await {
                    return;
                }
                continue;
            }
            self.apart.set(self.apart.get() + usize::from(is_apart));
            let given = self.give(&mut process, &mut batch).await;
            self.apart.set(self.apart.get() - usize::from(is_apart));
            match given {
                Ok(true) => {}
                Ok(false) => return,
                Err(failure) => return self.sort_out(batch, failure),
            }
        }
    }

    /// One more could not be started.
    fn fall_short(&self, error: &io::Error) {
        let others = self.running.get() - 1;
        let was_short = self.short.replace(Some(Instant::now())).is_some();
        if others > 0 {
            if !was_short {
                let workers = if others == 1 { "worker" } else { "workers" };
                message::warning(format_args!("no more than {others} {workers} can be started: {error}"));
            }
            return;
        }
        // Whoever waits would wait in vain.
        for waiting in self.queue.take() {
            let _ = waiting.answer.send(Err(Failure::Absent(error.to_string())));
        }
    }

    /// What is to be done next, of what is still waited for and has not waited too long; and whether it is a task that
    /// came to no good end lately. Those are done alone, and there is always one worker that has none of them.
    fn next(&self) -> (VecDeque<Waiting>, bool) {
        let (mut batch, mut bytes, mut index, mut queue) = (VecDeque::new(), 0, 0, self.queue.borrow_mut());
        let may_be_apart = self.apart.get() + 1 < self.settings.workers.max(2);
        while let Some(one) = queue.get(index) {
            let (is_alone, is_suspect) = (one.alone, self.is_suspect(one.task));
            if is_suspect && !may_be_apart || (is_suspect || is_alone) && !batch.is_empty() {
                index += 1;
                continue;
            }
            if !batch.is_empty() && bytes + one.frame.len() > BATCH {
                break;
            }
            let Some(one) = queue.remove(index) else { break };
            if one.answer.is_closed() {
                continue;
            }
            if one.since.elapsed() > self.settings.deadline && !is_alone {
                // It may be that nobody waits for it any more.
                let _ = one.answer.send(Err(Failure::Busy));
                continue;
            }
            bytes += one.frame.len();
            batch.push_back(one);
            if is_suspect || is_alone {
                return (batch, is_suspect);
            }
        }
        (batch, false)
    }

    fn is_suspect(&self, task: u32) -> bool {
        self.suspects.borrow().get(&task).is_some_and(|at| at.elapsed() < SUSPECT)
    }

    /// Tells one that has nothing to do, if there is one, to look for something.
    fn wake(&self) -> bool {
        let idle = self.idle.borrow_mut().pop();
        idle.inspect(|idle| idle.notify_one()).is_some()
    }

    /// Waits for something to do; `false` when there is nothing, or the process is gone.
    async fn wait(&self, process: &Process) -> bool {
        if self.is_retired.get() {
            return false;
        }
        let me = Rc::new(Notify::new());
        self.idle.borrow_mut().push(me.clone());
        let idle = async {
            sleep(IDLE).await;
            // Whether it is the last one is seen now: several may have fallen idle at once.
            if self.running.get() == 1 {
                pending::<()>().await;
            }
        };
        let goes_on = tokio::select! {
            () = me.notified() => true,
            () = process.gone() => false,
            () = idle => false,
        };
        self.idle.borrow_mut().retain(|idle| !Rc::ptr_eq(idle, &me));
        goes_on
    }

    /// Has the process do all of it, and says whether it goes on after that. What is left in `batch` after an error has no
    /// answer.
    async fn give(&self, process: &mut Process, batch: &mut VecDeque<Waiting>) -> Result<bool, Failure> {
        let (deadline, most) = (self.settings.deadline, self.settings.max_output);
        let mut is_worn = false;
        let together: Vec<u8>;
        let bytes = match batch.make_contiguous() {
            [one] => &one.frame,
            all => {
                together = all.iter().map(|one| one.frame.as_slice()).collect::<Vec<_>>().concat();
                &together
            }
        };
        let late = || Failure::Late(deadline);
        if let Err(error) = timeout(deadline, process.send(bytes)).await.map_err(|_| late())? {
            return Err(Failure::Died(process.why(&error)));
        }
        while let Some(first) = batch.front() {
            let answer = match timeout(deadline, process.answer(most)).await.map_err(|_| late())? {
                Ok(answer) => answer,
                Err(error) => return Err(Failure::Died(process.why(&error))),
            };
            is_worn |= wears(first.frame.len(), &answer);
            if let Some(first) = batch.pop_front() {
                let _ = first.answer.send(answer.map_err(Failure::Unfit));
            }
        }
        Ok(!is_worn)
    }

    /// A process came to its end with these. If there is more than one, each is tried alone.
    fn sort_out(&self, mut batch: VecDeque<Waiting>, failure: Failure) {
        let is_clear = batch.len() == 1;
        // Answers are kept back for so short a time that it is most likely the first one.
        if let Some(first) = batch.front() {
            self.suspects.borrow_mut().insert(first.task, Instant::now());
        }
        while let Some(mut one) = batch.pop_back() {
            if is_clear {
                // It may be that nobody waits for it any more.
                let _ = one.answer.send(Err(failure));
                break;
            }
            one.alone = true;
            self.queue.borrow_mut().push_front(one);
        }
        self.wake();
    }
}
