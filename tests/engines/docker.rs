use crate::{USER, keeps_the_contract};
use e2e::contract::{Container, Stage};
use e2e::engine::Engine;
use e2e::matrix::{self, Column};

/// Docker, if its daemon answers; else it is skipped, and so in the matrix.
pub fn engine(tested: matrix::Engine) -> Option<Engine> {
    let engine = Engine::docker();
    if engine.is_none() {
        matrix::skip_engine(tested, "no Docker daemon answers");
    }
    engine
}

#[test]
fn containers_join_pause() {
    let Some(engine) = engine(matrix::Engine::Docker) else { return };
    let column = Column::new(matrix::Engine::Docker, &engine.version);
    let stage = Stage::new(engine).unwrap();
    keeps_the_contract(&column, USER, stage.textbook_pod([Container::Server, Container::Writer]).unwrap());
}
