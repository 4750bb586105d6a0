//! From files to the sink, until there is nothing left or it is time to stop.

use crate::args::Settings;
use crate::status::Status;
use anyhow::{Context, Result, bail};
use chassis::admin;
use chassis::message;
use chassis::stop::Stop;
use chassis::watch::Watch;
use log_shipper::config::Config;
use log_shipper::input::tailer::{Read, Tailer};
use log_shipper::keeper::Keeper;
use log_shipper::lanes::{Delivered, Lanes};
use log_shipper::positions::Positions;
use log_shipper::route::Route;
use log_shipper::sink::Sink;
use log_shipper::state::{self, InUse, State};
use log_shipper::window::Window;
use std::future::pending;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Without a deadline of its own, the last positions are waited for so long.
const LAST_SAVE: Duration = Duration::from_secs(5);

/// Ships until all is done, or it must end.
///
/// # Errors
/// When the configuration makes no sense, or something is left that was not shipped.
pub async fn ship(settings: Settings, stop: &Stop) -> Result<()> {
    let listener = admin::bind(settings.admin)?;
    let mut shipper = Shipper::new(settings)?;
    let answering = admin::serve(listener, shipper.status.clone());
    tokio::select! {
        result = shipper.run(stop) => result,
        () = answering => Ok(()),
    }
}

struct Shipper {
    settings: Settings,
    /// The state directory
    directory: Option<PathBuf>,
    owner: [u8; 16],
    tailer: Tailer,
    route: Route,
    lanes: Lanes,
    keeper: Keeper,
    status: Rc<Status>,
    window: Window,
    ending: Option<Ending>,
    /// There is another configuration, but what is under way cannot be given up
    reload_waits: bool,
    /// Since when nothing has been read or shipped
    quiet_since: Instant,
}

/// How far it is with its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// What is written until nobody has written for a while is shipped
    Quieting,
    /// What has no end is shipped as it is
    Flushing,
}

impl Shipper {
    fn new(mut settings: Settings) -> Result<Self> {
        let (state, positions) = remembered(&settings)?;
        if state.is_none() {
            settings.config.output.forget_dead_letters();
        }
        let directory = state.as_ref().map(|state| state.path(""));
        let known = positions.clone().unwrap_or_else(|| Positions::new(state::owner()));
        let config = &settings.config;
        let route = Route::new(config, known.owner)?;
        let sink = Arc::new(Sink::new(&config.output, directory.as_deref())?);
        let tailer = Tailer::new(&config.inputs, positions, settings.hold_deleted)?;
        let mut keeper = Keeper::new(state, &known);
        keeper.touch();
        Ok(Self {
            status: Rc::new(Status::new(tailer.lags.clone(), sink.clone())),
            ending: None,
            settings,
            directory,
            owner: known.owner,
            tailer,
            route,
            lanes: Lanes::new(sink),
            keeper,
            window: Window::default(),
            reload_waits: false,
            quiet_since: Instant::now(),
        })
    }

    async fn run(&mut self, stop: &Stop) -> Result<()> {
        let mut watch = self.followed()?;
        // What has changed since it was read at the start.
        self.reload();
        loop {
            if self.reload_waits && self.lanes.can_redirect() {
                self.reload();
                watch = self.followed()?;
            }
            self.tailer.update().context("cannot watch files")?;
            self.fill();
            self.lanes.dispatch();
            if self.keeper.save_if_due(&mut self.tailer, false) {
                continue; // Nothing else would wake it for what may be read now.
            }
            self.show();
            let deadline = stop.deadline().map(Instant::from);
            if deadline.is_some() && self.ending.is_none() {
                self.begin_to_end();
            }
            if self.is_done() || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return self.end(deadline).await;
            }
            let wake = [self.keeper.due(), self.quiet_until(), deadline].into_iter().flatten().min();
            let woken = async {
                match wake {
                    Some(wake) => sleep_until(wake).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                delivered = self.lanes.delivered() => self.delivered(&delivered?),
                saved = self.keeper.saved() => self.keeper.note(saved, &mut self.tailer),
                () = stop.asked(), if deadline.is_none() => {} // which has a deadline now
                () = watch.changed() => {
                    self.reload();
                    watch = self.followed()?;
                    self.reload();
                }
                result = self.tailer.wait() => result.context("cannot watch files")?,
                () = woken => {}
            }
        }
    }

    /// Reads as much as the sink has room for.
    fn fill(&mut self) {
        let limit = self.lanes.sink().batch_limit();
        let ending = self.ending == Some(Ending::Flushing);
        while let Some(id) = self.tailer.next(|id| self.lanes.is_free(id)) {
            let Read::Window(more) = self.tailer.read(id, &mut self.window, ending) else { continue };
            if self.window.bytes.is_empty() {
                continue;
            }
            let batch = self.lanes.batch(id);
            let passed = self.route.pass(self.tailer.whose(id), &self.window, more, batch, limit);
            self.tailer.decoded(id, &self.window, &passed, batch);
            if passed.stopped || batch.body.len() >= limit || batch.read >= limit as u64 {
                self.lanes.fill(id);
            }
            if passed.consumed > 0 {
                self.quiet_since = Instant::now();
            }
        }
    }

    fn delivered(&mut self, delivered: &Delivered) {
        self.tailer.shipped(&delivered.reach);
        self.keeper.touch();
        self.status.bytes.set(self.status.bytes.get() + delivered.read);
        self.quiet_since = Instant::now();
    }

    fn show(&self) {
        self.status.events.set(self.route.counted.events);
        self.status.left_out.set(self.route.counted.left_out);
        self.status.lost.set(self.tailer.lost);
        self.status.files.set(self.tailer.files());
        self.status.save_failures.set(self.keeper.failures);
    }

    /// With `--once`, or when stdin has ended, it is on its way already; from now on there is a deadline.
    fn begin_to_end(&mut self) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(Ending::Quieting);
        self.quiet_since = Instant::now();
    }

    /// When nobody will have written for long enough, if nobody does. What is under way is waited for first.
    fn quiet_until(&self) -> Option<Instant> {
        (self.ending == Some(Ending::Quieting) && self.is_idle()).then(|| self.quiet_since + self.quiet_for())
    }

    fn quiet_for(&self) -> Duration {
        if self.settings.once && !self.tailer.is_piped() { Duration::ZERO } else { self.settings.ending.quiet_for }
    }

    fn is_quiet(&self) -> bool {
        self.quiet_since.elapsed() >= self.quiet_for()
    }

    fn is_idle(&self) -> bool {
        self.tailer.is_idle() && self.lanes.are_empty()
    }

    /// Whether all is shipped that there is to ship. What has no end is given one before.
    fn is_done(&mut self) -> bool {
        if self.ending.is_none() && self.tailer.has_ended() {
            self.ending = Some(Ending::Flushing);
            self.tailer.read_all_again();
            return false;
        }
        // Of a file, what is there is known at once; of a pipe, when it ends.
        if self.ending.is_none() && self.settings.once && !self.tailer.is_piped() {
            self.ending = Some(Ending::Quieting);
        }
        let idle = self.is_idle();
        match self.ending {
            Some(Ending::Quieting) if idle && self.is_quiet() => {
                // With --once, what is there has just been looked at.
                if !self.settings.once && self.tailer.look_where_nobody_tells() {
                    self.fill();
                    self.lanes.dispatch();
                    if !self.is_idle() || !self.is_quiet() {
                        return false;
                    }
                }
                self.ending = Some(Ending::Flushing);
                self.tailer.read_all_again();
                self.fill();
                self.lanes.dispatch();
                self.is_idle()
            }
            Some(Ending::Flushing) => idle,
            _ => false,
        }
    }

    /// Keeps the last positions, and tells what is left.
    async fn end(&mut self, deadline: Option<Instant>) -> Result<()> {
        let deadline = deadline.unwrap_or_else(|| Instant::now() + LAST_SAVE).max(Instant::now() + LAST_SAVE / 5);
        for _ in 0..2 {
            self.keeper.save_if_due(&mut self.tailer, true);
            if !self.keeper.is_saving() {
                break;
            }
            if let Ok(saved) = timeout_at(deadline, self.keeper.saved()).await {
                self.keeper.note(saved, &mut self.tailer);
            }
        }
        let patterns = || self.settings.config.inputs.iter().flat_map(|input| &input.files);
        if self.settings.once && self.tailer.files() == 0 && patterns().all(|pattern| pattern != "-") {
            let patterns: Vec<_> = patterns().map(|pattern| format!("`{pattern}`")).collect();
            message::warning(format_args!(
                "there was nothing to ship: no file matches {}\nhint: `log-shipper check` shows what does",
                patterns.join(", ")
            ));
        }
        let (mut left, nowhere) = (self.tailer.left(), self.tailer.left_nowhere());
        let taken_up = !left.is_empty();
        left.extend(nowhere);
        let (left, unkept) = (left.join(", "), self.keeper.unkept());
        match (left.is_empty(), unkept) {
            (true, None) => Ok(()),
            (false, None) if !taken_up => bail!("not shipped: {left}"),
            (false, None) => bail!("not shipped: {left}\nhint: the next start with the same --state takes it up there"),
            (true, Some(why)) => bail!(
                "all is shipped, but positions are not kept: {why}\nhint: the next start goes on from those that were kept \
                 before, and ships again what came after them"
            ),
            (false, Some(why)) => bail!(
                "not shipped: {left}; and positions are not kept: {why}\nhint: the next start takes it up, and ships again \
                 what came after the positions that were kept before"
            ),
        }
    }

    /// Files whose changes are followed from now on.
    fn followed(&self) -> Result<Watch> {
        let podinfo = self.settings.config.kubernetes.podinfo.iter();
        let podinfo = podinfo.flat_map(|directory| ["labels", "annotations"].map(|name| directory.join(name)));
        let files = self.settings.file.iter().cloned().chain(podinfo).collect();
        Watch::new(files).context("cannot follow the configuration")
    }

    /// Follows what has changed, if it can be.
    fn reload(&mut self) {
        self.reload_waits = false;
        self.route.refresh();
        let Some(file) = self.settings.file.clone() else { return };
        let followed =
            chassis::config::load::<Config>(&file).map_err(anyhow::Error::from).and_then(|config| self.follow(config));
        self.status.reloads.note(&file, followed);
    }

    /// Returns whether it is another one, and is followed from now on.
    fn follow(&mut self, mut config: Config) -> Result<bool> {
        if self.directory.is_none() {
            config.output.forget_dead_letters();
        }
        if config == self.settings.config {
            return Ok(false);
        }
        let route = Route::new(&config, self.owner)?;
        let sink = Arc::new(Sink::new(&config.output, self.directory.as_deref())?);
        if !self.lanes.can_redirect() {
            self.reload_waits = true;
            return Ok(false);
        }
        self.tailer.reconfigure(&config.inputs)?;
        let counted = self.route.counted;
        self.route = route;
        self.route.counted = counted;
        self.lanes.redirect(sink.clone());
        self.status.sink.replace(sink);
        self.settings.config = config;
        Ok(true)
    }
}

/// What was shipped before this process was started, if that can be known.
fn remembered(settings: &Settings) -> Result<(Option<State>, Option<Positions>)> {
    match State::open(&settings.state) {
        Ok(state) => {
            let positions = state.load()?;
            Ok((Some(state), positions))
        }
        Err(error) if error.is::<InUse>() => Err(error),
        Err(error) => {
            message::warning(format_args!(
                "{error:#}; shipping without it: after a restart files are shipped from their start again, or from their end \
                 with --from end, and documents that the sink refuses for good are only counted\nhint: mount a volume there, or \
                 name another directory with `--state`"
            ));
            Ok((None, None))
        }
    }
}
