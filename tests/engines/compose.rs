use crate::{USER, docker, keeps_the_contract};
use anyhow::Result;
use e2e::command::output;
use e2e::contract::Stage;
use e2e::engine::Engine;
use e2e::matrix::{self, Column};
use e2e::pod::{self, Pod};
use e2e::session::{matches, steps};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::MutexGuard;

/// Docker and the version of its compose, as far as they are here; else it is skipped, and so in the matrix.
fn compose() -> Option<(MutexGuard<'static, ()>, Engine, String)> {
    let (alone, engine) = docker::engine(matrix::Engine::Compose)?;
    let Ok(version) = output(Command::new("docker-compose").args(["version", "--short"])) else {
        matrix::skip_engine(matrix::Engine::Compose, "no docker-compose here");
        return None;
    };
    Some((alone, engine, version))
}

#[test]
fn services_join_pause() {
    let Some((_alone, engine, version)) = compose() else { return };
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

/// A shell in the example's directory, where `docker compose` is docker-compose. What is started goes with it.
struct Example {
    directory: PathBuf,
    project: String,
}

impl Example {
    /// What the command prints on stdout. What Compose tells of its progress is on stderr.
    fn run(&self, command: &str) -> Result<String> {
        let compose =
            "docker() { [ \"$1\" = compose ] || { command docker \"$@\"; return; }; shift; docker-compose \"$@\"; }";
        let script = format!("{compose}; export -f docker; timeout 60 bash -c '{}'", command.replace('\'', r"'\''"));
        let mut shell = Command::new("bash");
        shell.args(["-c", &script]).current_dir(&self.directory).env("COMPOSE_PROJECT_NAME", &self.project);
        output(&mut shell)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.run("docker compose down --volumes");
    }
}

#[test]
fn the_example_is_as_its_readme_says() {
    let Some((_alone, engine, _)) = compose() else { return };
    let stage = Stage::with(engine, &["war-copy", "log-shipper", "adapter-proxy"]).unwrap();
    let example = Example { directory: e2e::workspace("examples/compose"), project: pod::name() };
    let readme = fs::read_to_string(example.directory.join("README.md")).unwrap();
    let steps = steps(&readme);
    assert!(steps.len() > 5, "{} steps", steps.len());
    for step in steps {
        let printed = example.run(&step.command).unwrap_or_else(|error| panic!("`{}`: {error:#}", step.command));
        let (command, expected) = (step.command, step.output);
        assert!(matches(&printed, &expected), "`{command}` prints\n{printed}\nand not\n{expected}");
    }
    let left = format!("label=com.docker.compose.project={}", example.project);
    assert_eq!(stage.engine.run(&["ps", "--all", "--quiet", "--filter", &left]).unwrap(), "");
    assert_eq!(stage.engine.run(&["volume", "ls", "--quiet", "--filter", &left]).unwrap(), "");
}
