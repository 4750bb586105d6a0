use crate::keeps_the_contract;
use e2e::contract::{Container, Stage};
use e2e::engine::Engine;

pub fn stage() -> Stage {
    Stage::new(Engine::docker().expect("a Docker daemon answers")).unwrap()
}

#[test]
fn containers_join_pause() {
    let stage = stage();
    keeps_the_contract(stage.textbook_pod([Container::Server, Container::Writer]).unwrap());
}
