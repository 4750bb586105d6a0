//! A file of endpoints, which is followed: a list as `endpoints` has it, in YAML or JSON. What is wrong, or empty, changes
//! nothing.

use super::Cluster;
use super::tasks::Task;
use crate::config::Endpoint;
use chassis::message;
use chassis::watch::Watch;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Weak;

pub struct File {
    pub path: PathBuf,
    /// As it said last
    endpoints: RefCell<Vec<Endpoint>>,
    _task: Option<Task>,
}

impl File {
    /// Reads it, and then again when it changes. Within a `LocalSet`.
    pub fn follow(path: PathBuf, cluster: Weak<Cluster>) -> Self {
        // It watches before it reads.
        let watch = Watch::new(vec![path.clone()]);
        let endpoints = read(&path).unwrap_or_else(|wrong| {
            message::warning(format_args!("{wrong}\nhint: it is read when it is there, and right"));
            if let Some(cluster) = cluster.upgrade() {
                cluster.counters.file_failures.set(cluster.counters.file_failures.get() + 1);
            }
            vec![]
        });
        let task = match watch {
            Ok(watch) => Some(Task::spawn(changes(watch, path.clone(), cluster))),
            Err(error) => {
                message::warning(format_args!("{}: {error}; its changes are not followed", path.display()));
                None
            }
        };
        Self { path, endpoints: RefCell::new(endpoints), _task: task }
    }

    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.endpoints.borrow().clone()
    }

    /// Until there is something in it, what another one said holds.
    pub fn inherit(&self, before: &Self) {
        if self.endpoints.borrow().is_empty() {
            self.endpoints.replace(before.endpoints());
        }
    }
}

async fn changes(mut watch: Watch, path: PathBuf, cluster: Weak<Cluster>) {
    loop {
        watch.changed().await;
        let Some(cluster) = cluster.upgrade() else { return };
        match read(&path) {
            Ok(endpoints) => {
                let file = cluster.file.borrow();
                let Some(file) = &*file else { return };
                if *file.endpoints.borrow() == endpoints {
                    continue;
                }
                file.endpoints.replace(endpoints);
            }
            Err(wrong) => {
                cluster.counters.file_failures.set(cluster.counters.file_failures.get() + 1);
                message::warning(format_args!("{wrong}\nhint: the endpoints stay as they were"));
                continue;
            }
        }
        cluster.update();
    }
}

fn read(path: &Path) -> Result<Vec<Endpoint>, String> {
    let endpoints: Vec<Endpoint> = chassis::config::load(path).map_err(|wrong| {
        // What it says of `--config` is for another file.
        wrong.0.lines().next().unwrap_or_default().to_owned()
    })?;
    if endpoints.is_empty() {
        return Err(format!("{}: there are no endpoints in it", path.display()));
    }
    Ok(endpoints)
}
