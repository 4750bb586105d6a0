use crate::{USER, keeps_the_contract};
use e2e::contract::{Container, Stage};
use e2e::engine::Engine;
use e2e::matrix::{self, Column};
use e2e::pod::{self, Pod};
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One test at a time: an engine that goes takes its bridges with it, and Podman knows only one of a name.
static ALONE: Mutex<()> = Mutex::new(());

/// As which Podman runs the infra container of a pod, whatever its image says.
const ROOT: &str = "0:0";

/// Podman, if it is here; else it is skipped, and so in the matrix.
pub fn engine(tested: matrix::Engine) -> Option<(MutexGuard<'static, ()>, Engine)> {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = Engine::podman();
    if engine.is_none() {
        matrix::skip_engine(tested, "no Podman here");
    }
    Some((alone, engine?))
}

fn stage(tested: matrix::Engine) -> Option<(MutexGuard<'static, ()>, Column, Stage)> {
    let (alone, engine) = engine(tested)?;
    Some((alone, Column::new(tested, &engine.version), Stage::new(engine).unwrap()))
}

#[test]
fn containers_join_pause() {
    let Some((_alone, column, stage)) = stage(matrix::Engine::Podman) else { return };
    keeps_the_contract(&column, USER, stage.textbook_pod([Container::Writer, Container::Server]).unwrap());
}

#[test]
fn pod_create_with_our_infra_image() {
    let Some((_alone, column, stage)) = stage(matrix::Engine::PodmanPod) else { return };
    let (engine, name) = (&stage.engine, pod::name());
    let infra = format!("{name}-pause");
    let undo = || {
        let _ = engine.run(&["pod", "rm", "--force", &name]);
        let _ = engine.run(&["volume", "rm", "--force", &format!("{name}-data")]);
    };
    let mut pod = Pod::adopt(engine, &name, &stage.app, &["--pod", &name], undo);
    let infra_image = ["--infra-image", &stage.pause, "--infra-name", &infra];
    let create = ["pod", "create", "--name", &name, "--share", "net,ipc,pid"];
    engine.run(&[&create[..], &infra_image].concat()).unwrap();
    engine.run(&["pod", "start", &name]).unwrap();
    for container in [Container::Server, Container::Writer] {
        container.start(&mut pod).unwrap();
    }
    keeps_the_contract(&column, ROOT, pod);
}

#[test]
fn kube_play_of_a_manifest() {
    let Some((_alone, column, stage)) = stage(matrix::Engine::PodmanKube) else { return };
    let (engine, name) = (&stage.engine, pod::name());
    let manifest = fs::read_to_string(e2e::workspace("tests/engines/pod.yaml")).unwrap();
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    fs::write(&file, manifest.replace("$POD", &name).replace("$APP", &stage.app)).unwrap();
    let undo = || {
        let _ = engine.run(&["pod", "rm", "--force", &name]);
        let _ = engine.run(&["volume", "rm", "--force", &format!("{name}-data")]);
    };
    let pod = Pod::adopt(engine, &name, &stage.app, &["--pod", &name], undo);
    engine.run(&["kube", "play", file.path().to_str().unwrap()]).unwrap();
    let infra = engine.run(&["pod", "inspect", "--format", "{{.InfraContainerID}}", &name]).unwrap();
    engine.run(&["rename", &infra, &format!("{name}-pause")]).unwrap();
    keeps_the_contract(&column, ROOT, pod);
}
