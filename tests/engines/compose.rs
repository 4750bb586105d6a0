use crate::{USER, docker, keeps_the_contract};
use e2e::command::output;
use e2e::contract::Stage;
use e2e::matrix::{self, Column};
use e2e::pod::{self, Pod};
use std::process::Command;

#[test]
fn services_join_pause() {
    let Some((_alone, engine)) = docker::engine(matrix::Engine::Compose) else { return };
    let Ok(version) = output(Command::new("docker-compose").args(["version", "--short"])) else {
        return matrix::skip_engine(matrix::Engine::Compose, "no docker-compose here");
    };
    let column = Column::new(matrix::Engine::Compose, &version);
    let stage = Stage::new(engine).unwrap();
    let name = pod::name();
    let compose = |verb: &[&str]| {
        let file = e2e::workspace("tests/engines/compose.yaml");
        let mut command = Command::new("docker-compose");
        command.arg("--file").arg(file).args(["--project-name", &name]).args(verb);
        output(command.env("POD", &name).env("PAUSE", &stage.pause).env("APP", &stage.app))
    };
    let infra = format!("{name}-pause");
    let join = ["net", "ipc", "pid"].map(|kind| format!("--{kind}=container:{infra}"));
    let join = join.each_ref().map(String::as_str);
    let pod = Pod::adopt(&stage.engine, &name, &stage.app, &join, || drop(compose(&["down", "--volumes"])));
    compose(&["up", "--detach"]).unwrap();
    keeps_the_contract(&column, USER, pod);
}
