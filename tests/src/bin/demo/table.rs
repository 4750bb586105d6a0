//! What the demo saw, and what every container is.

use crate::pod::CONTAINERS;
use anyhow::{Context, Result};
use e2e::archive::Archive;
use e2e::engine::{Engine, image};
use e2e::view::Init;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Noted by one act after the other.
#[derive(Default)]
pub struct Seen {
    pub address: String,
    pub containers: usize,
    /// At the beginning
    pub init: Option<Init>,
    pub orders: u64,
    pub failed: u64,
    pub orphans: u64,
    pub zombies: usize,
    pub woken: u64,
    pub written: u64,
    pub shipped: u64,
    pub lost: u64,
    pub twice: u64,
    pub metrics: usize,
    /// Of each container, in kB
    pub memory: BTreeMap<&'static str, u64>,
}

impl Seen {
    pub fn table(&self, engine: &Engine) -> Result<String> {
        let mut text = String::new();
        let mut row = |what: &str, seen: &str| writeln!(text, "{what:<16}{seen}");
        row("one IP", &format!("{} of {} containers", self.address, self.containers))?;
        row("zombies", &format!("{} of {} orphans", self.zombies, number(self.orphans)))?;
        row("orders failed", &format!("{} of {}", self.failed, number(self.orders)))?;
        row("lines shipped", &format!("{} of {}", number(self.shipped), number(self.written)))?;
        row("lines lost", &format!("{}, and {} twice", self.lost, self.twice))?;
        row("metrics scraped", &format!("{} series", self.metrics))?;
        Ok(text + "\n" + &self.sizes(engine)?)
    }

    fn sizes(&self, engine: &Engine) -> Result<String> {
        let mut text =
            format!("{:<16}{:<16}{:>12}{:>14}{:>12}\n", "container", "image", "pulled, B", "unpacked, B", "memory, kB");
        let (mut pulled_by, mut helpers) = (BTreeMap::new(), 0);
        for (container, program) in CONTAINERS {
            let listed: u64 = engine.run(&["image", "inspect", "--format", "{{.Size}}", &image(program)])?.parse()?;
            let pulled = pulled(program)?;
            let memory = self.memory.get(container);
            let shown = memory.map_or("ended".into(), |&memory| number(memory));
            let (pulls, lists) = (number(pulled), number(listed));
            writeln!(text, "{container:<16}{program:<16}{pulls:>12}{lists:>14}{shown:>12}")?;
            if program != "app" {
                pulled_by.insert(program, pulled);
                helpers += memory.unwrap_or(&0);
            }
        }
        let (pulls, memory) = (number(pulled_by.values().sum()), number(helpers));
        writeln!(text, "{:<32}{pulls:>12}{:>14}{memory:>12}", "all but the app", "")?;
        text.push_str("pulled: configuration, manifest and layer; unpacked: as the engine lists it;\n");
        text.push_str(
            "memory: of the container's processes, while at work; what they share counts in proportion (PSS)\n",
        );
        Ok(text)
    }
}

/// What a node pulls of a program's image: out of the archive that the engine was given, which may have several.
fn pulled(program: &str) -> Result<u64> {
    let dist = if program == "app" { "target/e2e" } else { "dist" };
    let archive = Archive::unpack(&e2e::workspace(&format!("{dist}/images/{program}.tar")))?;
    let first = archive.json("index.json")["manifests"][0].clone();
    let one = archive.json(&archive.blob(&first));
    let ours = match one["manifests"].as_array() {
        None => Some(first),
        Some(each) => each.iter().find(|one| one["platform"]["architecture"] == e2e::architecture()).cloned(),
    };
    Ok(archive.pulled(&ours.with_context(|| format!("{program} is not built for this machine"))?))
}

/// With a comma between thousands.
pub fn number(number: u64) -> String {
    let mut text = number.to_string();
    let mut comma = text.len();
    while comma > 3 {
        comma -= 3;
        text.insert(comma, ',');
    }
    text
}
