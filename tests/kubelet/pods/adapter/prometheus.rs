//! Debian's Prometheus: its image, and what it has scraped.

use crate::Node;
use anyhow::{Context, Result, ensure};
use kubelet::http;
use kubelet::image::Image;
use kubelet::pod::Pod;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const IMAGE: &str = "localhost/prometheus:2";
const PORT: u16 = 9090;

/// Has the node know `localhost/prometheus:2`: the program and its C library.
pub fn load(node: &Node) -> Result<()> {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if node.cri.image(IMAGE).is_ok() {
        return Ok(());
    }
    let root = e2e::workspace("target/prometheus");
    ensure!(root.exists(), "{} is missing: run `make prometheus`", root.display());
    let home = tempfile::tempdir()?;
    let [layer, archive] = ["layer.tar", "image.tar"].map(|file| home.path().join(file));
    let mut tar = tar::Builder::new(File::create(&layer)?);
    tar.follow_symlinks(false);
    tar.append_path_with_name(root.join("usr/bin/prometheus"), "usr/bin/prometheus")?;
    // Where the program's loader is, is the architecture's affair.
    for directory in ["lib", "lib64"].into_iter().filter(|directory| root.join(directory).exists()) {
        tar.append_dir_all(directory, root.join(directory))?;
    }
    tar.into_inner()?;
    Image::from_scratch(&json!({ "Entrypoint": ["/usr/bin/prometheus"] })).layer(&layer).write(IMAGE, &archive)?;
    node.containerd.load(&archive)
}

/// What a query has now: values as Prometheus writes them, by the label `label` of each.
/// <https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries>
pub fn query(pod: &Pod, query: &str, label: &str) -> Result<BTreeMap<String, String>> {
    let address = SocketAddr::new(pod.ip()?, PORT);
    let answer = http::get(address, &format!("/api/v1/query?query={query}"), Duration::from_secs(20))?;
    ensure!(answer.status == 200, "{query}: {}", answer.body);
    let answer: Value = serde_json::from_str(&answer.body)?;
    let series = answer["data"]["result"].as_array().context("no result")?.iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(series.map(|series| (text(&series["metric"][label]), text(&series["value"][1]))).collect())
}
