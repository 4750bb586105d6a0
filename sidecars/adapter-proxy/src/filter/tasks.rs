//! All that workers can be asked to do, numbered in the order of the configuration, on both sides of the socket.

use super::frame::{Job, Made};
use super::transform::Transform;
use crate::body::{Limits, Unfit};
use crate::config::{BodyMapping, Config, Listener};
use crate::exporter::{self, Fetched};

/// The variables of a page that is to be in `OpenMetrics`.
pub const OPENMETRICS: &[u8] = b"openmetrics";

enum Task {
    Body(Box<Transform>),
    Page(exporter::Page),
}

pub struct Tasks {
    all: Vec<Task>,
    limits: Limits,
}

impl Tasks {
    /// # Errors
    /// When a filter is none.
    pub fn of(config: &Config) -> Result<Self, String> {
        let limits = config.filters.limits();
        let mut all = vec![];
        for body in config.listeners.iter().flat_map(bodies) {
            let transform = Transform::new(body, limits.clone()).map_err(|wrong| wrong.to_string())?;
            all.push(Task::Body(Box::new(transform)));
        }
        for page in config.pages.values() {
            all.push(Task::Page(exporter::Page::new(page)?));
        }
        Ok(Self { all, limits })
    }

    /// # Errors
    /// When the body is not what it should be.
    pub fn run(&self, job: &Job) -> Result<Made, Unfit> {
        match self.all.get(job.task as usize) {
            Some(Task::Page(page)) => {
                let wrong = || Unfit::new("what was fetched is none of the proxy's".into());
                let fetched = Fetched::decode(job.body).ok_or_else(wrong)?;
                let mut body = vec![];
                let said = page.write(&fetched, job.variables == OPENMETRICS, &self.limits, &mut body);
                Ok(Made { status: None, said: said.join("\n"), body })
            }
            Some(Task::Body(transform)) => transform.make(job.coding, job.variables, job.body),
            None => Err(Unfit::new("there is no such task".into())),
        }
    }
}

/// The number of the first page; those of bodies are before it.
pub fn first_page(config: &Config) -> u32 {
    u32::try_from(config.listeners.iter().flat_map(bodies).count()).unwrap_or(u32::MAX)
}

/// Whether there is anything for workers to do.
pub fn is_used(config: &Config) -> bool {
    !config.pages.is_empty() || config.listeners.iter().any(|listener| bodies(listener).next().is_some())
}

/// Those of a listener: of each route the request's, and those of answers.
pub fn bodies(listener: &Listener) -> impl Iterator<Item = &BodyMapping> {
    listener.routes.iter().flat_map(|route| {
        let answers = route.responses.iter().filter_map(|response| response.body.as_ref());
        route.request.body.iter().chain(answers)
    })
}
