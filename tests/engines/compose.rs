use crate::{docker, keeps_the_contract};
use e2e::command::output;
use e2e::pod::{self, Pod};
use std::process::Command;

#[test]
fn services_join_pause() {
    let stage = docker::stage();
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
    keeps_the_contract(pod);
}
