//! What a program weighs as an image FROM scratch: in the list of an engine's images, and on its way to a node.

use super::programs::Program;
use anyhow::{Context, Result};
use e2e::command::output;
use e2e::engine::{self, Engine};
use e2e::registry::Registry;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

pub struct Image {
    pub name: String,
    /// As `docker images` says, rounded and with its unit
    pub listed: String,
    /// Bytes: config, manifest and compressed layer
    pub pulled: u64,
}

/// Ours as they are released, then each program by `docker build` and `docker push`: pause once more, since that tells
/// how much is the program and how much the image.
pub fn measure(programs: &[Program]) -> Result<Vec<Image>> {
    eprintln!("images: one of each program");
    let docker = Engine::docker().context("no Docker daemon answers")?;
    let registry = Registry::start(&e2e::workspace("target/registry"))?;
    let mut images = ours()?.iter().map(|name| released(&docker, &registry, name)).collect::<Result<Vec<_>>>()?;
    for (number, program) in programs.iter().enumerate() {
        images.push(built(&docker, &registry, program, &format!("image-{number}:bench"))?);
    }
    Ok(images)
}

/// The programs that `make images` has an archive of; pause, which the others are compared with, first.
fn ours() -> Result<Vec<String>> {
    let sizes = fs::read(e2e::workspace("dist/images/sizes.json")).context("no images: run `make images`")?;
    let mut names: Vec<_> = serde_json::from_slice::<BTreeMap<String, Value>>(&sizes)?.into_keys().collect();
    names.sort_by_key(|name| name != "pause");
    Ok(names)
}

fn released(docker: &Engine, registry: &Registry, program: &str) -> Result<Image> {
    let archive = e2e::workspace(&format!("dist/images/{program}.tar"));
    let pushed = registry.push(&archive, &format!("{program}:bench"))?;
    let name = engine::image(program);
    let there = docker.images()?.contains(&name);
    docker.load("dist", program)?;
    let listed = listed(docker, &name);
    if !there {
        docker.run(&["image", "rm", &name])?;
    }
    Ok(Image { name: format!("{program}, make images"), listed: listed?, pulled: pulled(&pushed)? })
}

fn built(docker: &Engine, registry: &Registry, program: &Program, name: &str) -> Result<Image> {
    let context = tempfile::tempdir()?;
    let (image, file) = &program.image;
    fs::copy(file, context.path().join("program"))?;
    let recipe = "FROM scratch\nCOPY program /program\nENTRYPOINT [\"/program\"]\n";
    fs::write(context.path().join("Dockerfile"), recipe)?;
    let name = format!("{}/{name}", registry.host);
    // BuildKit would push an index with attestations around the image.
    let mut build = docker.command();
    build.env("DOCKER_BUILDKIT", "0").args(["build", "--quiet", "--force-rm", "--tag", &name]).arg(context.path());
    output(&mut build)?;
    let pushed = docker.run(&["push", "--quiet", &name]);
    let listed = listed(docker, &name);
    docker.run(&["image", "rm", &name])?;
    pushed?;
    Ok(Image { name: (*image).into(), listed: listed?, pulled: pulled(&name)? })
}

fn listed(docker: &Engine, name: &str) -> Result<String> {
    docker.run(&["images", "--format", "{{.Size}}", name])
}

/// What the registry would hand out.
fn pulled(name: &str) -> Result<u64> {
    let manifest = output(
        Command::new("skopeo").args(["inspect", "--raw", "--tls-verify=false"]).arg(format!("docker://{name}")),
    )?;
    let parsed: Value = serde_json::from_str(&manifest)?;
    let layers = parsed["layers"].as_array().with_context(|| format!("{name} has no layers: run `make images`"))?;
    let blobs = layers.iter().chain([&parsed["config"]]).map(|blob| blob["size"].as_u64());
    let blobs: u64 = blobs.sum::<Option<_>>().with_context(|| format!("{name} has a blob without a size"))?;
    Ok(blobs + manifest.len() as u64)
}
