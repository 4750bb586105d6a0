//! A pod on pause, before one's eyes: `make demo`.

#![forbid(unsafe_code)]

use anyhow::{Result, ensure};
use clap::Parser;
use e2e::contract::{self, Container, Stage};
use e2e::engine::Engine;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
        println!("{what:<30} {}", seen?);
        ensure!(!interrupted.load(Ordering::Relaxed), "interrupted; what was started is removed");
        Ok(())
    };

    let engine = match args.engine.as_deref() {
        None => Engine::find_or_install()?,
        Some("docker") => Engine::docker().ok_or_else(|| anyhow::anyhow!("no Docker daemon answers"))?,
        Some("podman") => Engine::podman().ok_or_else(|| anyhow::anyhow!("no Podman here"))?,
        Some(other) => anyhow::bail!("`{other}` is no engine: `docker` or `podman`"),
    };
    println!("engine: {} {}", engine.name, engine.version);
    let stage = Stage::new(engine)?;
    println!("images: {} {}\n", stage.pause, stage.app);

    {
        let pod = stage.textbook_pod([Container::Writer, Container::Server])?;
        show("two containers, writer first", contract::peers_serve_each_other(&pod))?;
    }
    let mut pod = stage.textbook_pod([Container::Server, Container::Writer])?;
    show("two containers, server first", contract::peers_serve_each_other(&pod))?;
    show("one network", contract::peers_share_the_network(&pod))?;
    show("namespaces", contract::namespaces_are_pauses(&pod))?;
    show("orphans", contract::orphans_are_reaped(&pod))?;
    show("a new version", contract::a_container_is_replaced(&mut pod))?;
    show("the end", contract::the_pod_ends_with_pause(&pod))
}
