//! All that workers can be asked to do, numbered in the order of the configuration, on both sides of the socket.

use super::frame::{Job, Made};
use super::program::Wrong;
use super::transform::Transform;
use crate::body::Unfit;
use crate::config::{BodyMapping, Config, Listener};

enum Task {
    Body(Transform),
}

pub struct Tasks(Vec<Task>);

impl Tasks {
    /// # Errors
    /// When a filter is none.
    pub fn of(config: &Config) -> Result<Self, Wrong> {
        let limits = config.filters.limits();
        let bodies = config.listeners.iter().flat_map(bodies);
        bodies.map(|body| Transform::new(body, limits.clone()).map(Task::Body)).collect::<Result<_, _>>().map(Self)
    }

    /// # Errors
    /// When the body is not what it should be.
    pub fn run(&self, job: &Job) -> Result<Made, Unfit> {
        match self.0.get(job.task as usize) {
            Some(Task::Body(transform)) => transform.make(job.coding, job.variables, job.body),
            None => Err(Unfit::new("there is no such task".into())),
        }
    }
}

/// Whether there is anything for workers to do.
pub fn is_used(config: &Config) -> bool {
    config.listeners.iter().any(|listener| bodies(listener).next().is_some())
}

/// Those of a listener: of each route the request's, and those of answers.
pub fn bodies(listener: &Listener) -> impl Iterator<Item = &BodyMapping> {
    listener.routes.iter().flat_map(|route| {
        let answers = route.responses.iter().filter_map(|response| response.body.as_ref());
        route.request.body.iter().chain(answers)
    })
}
