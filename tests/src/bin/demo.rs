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
    let go_on = || {
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

    for order in [[Container::Writer, Container::Server], [Container::Server, Container::Writer]] {
        let first = if order[0] == Container::Server { "server" } else { "writer" };
        let mut pod = stage.textbook_pod(order)?;
        go_on()?;
        say(&format!("two containers, {first} first"), &contract::peers_serve_each_other(&pod)?);
        go_on()?;
        if first == "writer" {
            continue;
        }
        say("one network", &contract::peers_share_the_network(&pod)?);
        go_on()?;
        say("namespaces", &contract::namespaces_are_pauses(&pod)?);
        go_on()?;
        say("orphans", &contract::orphans_are_reaped(&pod)?);
        go_on()?;
        say("a new version", &contract::a_container_is_replaced(&mut pod)?);
        go_on()?;
        say("the end", &contract::the_pod_ends_with_pause(&pod)?);
    }
    Ok(())
}

fn say(what: &str, seen: &str) {
    println!("{what:<30} {seen}");
}
