//! A whole pod on pause, before one's eyes: `make demo`. It fails when anything is not as it says.

#![forbid(unsafe_code)]

mod acts;
mod artifact;
mod containers;
mod outside;
mod pod;
mod table;

use anyhow::{Result, ensure};
use artifact::Artifact;
use clap::Parser;
use e2e::contract::Stage;
use e2e::engine::Engine;
use outside::Outside;
use pod::Pod;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use table::Seen;

#[derive(Parser)]
struct Args {
    /// Use this engine, `docker` or `podman`, and no other
    #[arg(long)]
    engine: Option<String>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
    }
    let show = |what: &str, seen: Result<String>| {
        println!("{what:<16}{}", seen?);
        ensure!(!interrupted.load(Ordering::Relaxed), "interrupted; what was started is removed");
        Ok(())
    };

    let engine = engine(args)?;
    show(
        "engine",
        Ok(format!("{} {}; no image is pulled, and everything is removed at the end", engine.name, engine.version)),
    )?;
    let stage = Stage::with(engine, &["war-copy", "log-shipper", "adapter-proxy"])?;
    let artifact = Artifact::build(&stage.engine)?;
    let (mut outside, mut pod, mut seen) = (Outside::new(&stage), Pod::new(&stage), Seen::default());

    show("outside", outside.start())?;
    show("pause", pod.hold(&outside))?;
    show("war-copy", pod.put(&artifact.image))?;
    show("log-shipper", pod.ship())?;
    show("adapter", pod.adapt())?;
    show("ambassador", pod.represent())?;
    show("shop", acts::opens(&mut pod, &artifact))?;
    println!();
    show("one pod", acts::one_pod(&mut pod, &mut seen))?;
    show("orders", acts::orders(&pod, &mut seen))?;
    show("a failure", acts::an_endpoint_dies(&pod, &outside, &mut seen))?;
    show("metrics", acts::metrics(&pod, &outside, &mut seen))?;
    acts::weigh(&pod, &mut seen)?;
    show("a new version", acts::a_new_version(&mut pod, &mut seen))?;
    show("orphans", acts::orphans(&pod, &mut seen))?;
    show("the end", acts::the_end(&mut pod, &outside, &mut seen))?;
    println!("\n{}", seen.table(&stage.engine)?.trim_end());
    Ok(())
}

fn engine(args: &Args) -> Result<Engine> {
    match args.engine.as_deref() {
        None => Engine::find_or_install(),
        Some("docker") => Engine::docker().ok_or_else(|| anyhow::anyhow!("no Docker daemon answers")),
        Some("podman") => Engine::podman().ok_or_else(|| anyhow::anyhow!("no Podman here")),
        Some(other) => anyhow::bail!("`{other}` is no engine: `docker` or `podman`"),
    }
}
