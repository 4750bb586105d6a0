//! The workers that there are: started when there is something to do for one, and killed when it takes too long.

use super::frame::{Coding, Job, Made, wears};
use super::process::{Killed, Process, bury};
use crate::body::Unfit;
use crate::config;
use chassis::exposition::Exposition;
use std::cell::{Cell, RefCell};
use std::fmt::{self, Display, Formatter};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

/// All but one that have had nothing to do for so long are ended.
const IDLE: Duration = Duration::from_secs(10);

pub struct Workers {
    settings: config::Filters,
    /// What each is told first
    configuration: Rc<str>,
    idle: RefCell<Vec<Process>>,
    free: Semaphore,
    waiting: Cell<usize>,
    tidying: Cell<bool>,
    counters: Rc<Counters>,
    graves: UnboundedSender<Killed>,
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
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::Unfit(Unfit { what, at: Some(at) }) => write!(f, "{what} ({at})"),
            Self::Unfit(Unfit { what, at: None }) | Self::Died(what) => f.write_str(what),
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
            idle: RefCell::default(),
            free: Semaphore::new(settings.workers),
            waiting: Cell::new(0),
            tidying: Cell::new(false),
            counters,
            graves,
        })
    }

    /// Has a worker do it, and waits for it. When it is not waited for any more, the worker is killed.
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
        let result = self.ask(&Job { task, coding, variables, body }).await;
        let counters = &self.counters;
        let count = match &result {
            Ok(_) => &counters.made,
            Err(Failure::Unfit(_)) => &counters.unfit,
            Err(Failure::Busy) => &counters.busy,
            Err(Failure::Late(_)) => &counters.late,
            Err(Failure::Died(_)) => &counters.died,
            Err(Failure::Absent(_)) => &counters.absent,
        };
        count.set(count.get() + 1);
        result
    }

    async fn ask(self: &Rc<Self>, job: &Job<'_>) -> Result<Made, Failure> {
        let deadline = self.settings.deadline;
        let _turn = self.turn(deadline).await?;
        let mut process = match self.take() {
            Some(process) => process,
            None => self.start().await?,
        };
        match timeout(deadline, process.ask(job, self.settings.max_output)).await {
            Err(_) => Err(Failure::Late(deadline)),
            Ok(Err(error)) => Err(Failure::Died(process.why(&error))),
            Ok(Ok(answer)) => {
                if !wears(job, &answer) {
                    self.idle.borrow_mut().push(process);
                    self.tidy();
                }
                answer.map_err(Failure::Unfit)
            }
        }
    }

    /// Waits until one of them is free, or may be started.
    async fn turn(&self, limit: Duration) -> Result<SemaphorePermit<'_>, Failure> {
        if let Ok(turn) = self.free.try_acquire() {
            return Ok(turn);
        }
        if self.waiting.get() >= self.settings.pending {
            return Err(Failure::Busy);
        }
        let _waiting = Waiting::one(&self.waiting);
        timeout(limit, self.free.acquire()).await.ok().and_then(Result::ok).ok_or(Failure::Busy)
    }

    /// One that has nothing to do.
    fn take(&self) -> Option<Process> {
        loop {
            let process = self.idle.borrow_mut().pop()?;
            if process.lives() {
                return Some(process);
            }
        }
    }

    async fn start(&self) -> Result<Process, Failure> {
        self.counters.started.set(self.counters.started.get() + 1);
        let started = Process::start(&self.configuration, &self.graves).await;
        started.map_err(|error| Failure::Absent(error.to_string()))
    }

    /// Ends those that have nothing to do, all but one, once that has been so for a while.
    fn tidy(self: &Rc<Self>) {
        if self.idle.borrow().len() < 2 || self.tidying.replace(true) {
            return;
        }
        let this = Rc::downgrade(self);
        spawn_local(async move {
            sleep(IDLE).await;
            let Some(this) = this.upgrade() else { return };
            this.tidying.set(false);
            this.idle.borrow_mut().truncate(1);
        });
    }
}

/// One more that waits, until it is dropped.
struct Waiting<'a>(&'a Cell<usize>);

impl<'a> Waiting<'a> {
    fn one(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
