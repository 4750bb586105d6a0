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

/// Version 1 as this machine has it, in Debian 12, and version 2, which `make engines` has of Debian 13's.
const PROGRAMS: [&str; 2] = ["docker-compose", "target/compose/usr/libexec/docker/cli-plugins/docker-compose"];

struct Compose {
    program: PathBuf,
    version: String,
}

impl Compose {
    fn at(program: &str) -> Option<Self> {
        let own = e2e::workspace(program);
        let program = if own.exists() { own } else { program.into() };
        let version = output(Command::new(&program).args(["version", "--short"])).ok()?;
        Some(Self { program, version })
    }

    fn column(&self) -> Column {
        Column::new(matrix::Engine::Compose, &self.version)
    }
}

/// Docker and every Compose, as far as they are here; else it is skipped, and so in the matrix.
fn composes() -> Option<(MutexGuard<'static, ()>, Engine, Vec<Compose>)> {
    let (alone, engine) = docker::engine(matrix::Engine::Compose)?;
    let composes: Vec<_> = PROGRAMS.into_iter().filter_map(Compose::at).collect();
    if composes.len() < PROGRAMS.len() {
        matrix::skip_engine(matrix::Engine::Compose, "no Compose of version 1 and 2 here: run `make engines`");
        return None;
    }
    Some((alone, engine, composes))
}

#[test]
fn services_join_pause() {
    let Some((_alone, engine, composes)) = composes() else { return };
    let stage = Stage::new(engine).unwrap();
    for compose in composes {
        let name = pod::name();
        let run = |verb: &[&str]| {
            let file = e2e::workspace("tests/engines/compose.yaml");
            let mut command = Command::new(&compose.program);
            command.arg("--file").arg(file).args(["--project-name", &name]).args(verb);
            output(command.env("POD", &name).env("PAUSE", &stage.pause).env("APP", &stage.app))
        };
        let infra = format!("{name}-pause");
        let join = ["net", "ipc", "pid"].map(|kind| format!("--{kind}=container:{infra}"));
        let join = join.each_ref().map(String::as_str);
        let pod = Pod::adopt(&stage.engine, &name, &stage.app, &join, || drop(run(&["down", "--volumes"])));
        run(&["up", "--detach"]).unwrap();
        keeps_the_contract(&compose.column(), USER, pod);
    }
}

/// A shell in the example's directory, where `docker compose` is this one. What is started goes with it.
struct Example {
    compose: Compose,
    directory: PathBuf,
    project: String,
}

impl Example {
    /// What the command prints on stdout. What Compose tells of its progress is on stderr.
    fn run(&self, command: &str) -> Result<String> {
        let compose =
            "docker() { [ \"$1\" = compose ] || { command docker \"$@\"; return; }; shift; $COMPOSE \"$@\"; }";
        let script = format!("{compose}; export -f docker; timeout 60 bash -c '{}'", command.replace('\'', r"'\''"));
        let mut shell = Command::new("bash");
        shell.args(["-c", &script]).current_dir(&self.directory).env("COMPOSE_PROJECT_NAME", &self.project);
        output(shell.env("COMPOSE", &self.compose.program))
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.run("docker compose down --volumes");
    }
}

#[test]
fn the_example_is_as_its_readme_says() {
    let Some((_alone, engine, composes)) = composes() else { return };
    let stage = Stage::with(engine, &["war-copy", "log-shipper", "adapter-proxy"]).unwrap();
    for compose in composes {
        let example = Example { compose, directory: e2e::workspace("examples/compose"), project: pod::name() };
        let readme = fs::read_to_string(example.directory.join("README.md")).unwrap();
        let steps = steps(&readme);
        assert!(steps.len() > 5, "{} steps", steps.len());
        for step in steps {
            let version = &example.compose.version;
            let (command, expected) = (step.command, step.output);
            let printed = example.run(&command);
            let printed = printed.unwrap_or_else(|error| panic!("Compose {version}: `{command}`: {error:#}"));
            assert!(
                matches(&printed, &expected),
                "Compose {version}: `{command}` prints\n{printed}\nand not\n{expected}"
            );
        }
        let left = format!("label=com.docker.compose.project={}", example.project);
        assert_eq!(stage.engine.run(&["ps", "--all", "--quiet", "--filter", &left]).unwrap(), "");
        assert_eq!(stage.engine.run(&["volume", "ls", "--quiet", "--filter", &left]).unwrap(), "");
    }
}
