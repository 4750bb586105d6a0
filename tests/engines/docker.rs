use crate::{USER, keeps_the_contract};
use e2e::contract::{Container, Stage};
use e2e::engine::Engine;
use e2e::matrix::{self, Column};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One test at a time: each removes the images that it was the first to load.
static ALONE: Mutex<()> = Mutex::new(());

/// Docker, if its daemon answers; else it is skipped, and so in the matrix.
pub fn engine(tested: matrix::Engine) -> Option<(MutexGuard<'static, ()>, Engine)> {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = Engine::docker();
    if engine.is_none() {
        matrix::skip_engine(tested, "no Docker daemon answers");
    }
    Some((alone, engine?))
}

#[test]
fn containers_join_pause() {
    let Some((_alone, engine)) = engine(matrix::Engine::Docker) else { return };
    let column = Column::new(matrix::Engine::Docker, &engine.version);
    let stage = Stage::new(engine).unwrap();
    keeps_the_contract(&column, USER, stage.textbook_pod([Container::Server, Container::Writer]).unwrap());
}
