//! What the pod has to do with and does not hold: a cluster of three endpoints, and what stands in for Elasticsearch.
//! Each has an address of its own.

use crate::containers::{Containers, USER};
use anyhow::{Context, Result};
use e2e::contract::{Stage, soon};
use e2e::view::View;
use serde_json::Value;

pub const STOCK: [&str; 3] = ["stock-a", "stock-b", "stock-c"];
const ELASTICSEARCH: &str = "elasticsearch";
/// Where log-shipper is told to put what it ships
pub const STREAM: &str = "logs-shop-default";

pub struct Outside<'a> {
    pub containers: Containers<'a>,
    app: &'a str,
    /// A name that the pod knows, and one of its addresses
    pub hosts: Vec<(&'static str, String)>,
}

impl<'a> Outside<'a> {
    pub fn new(stage: &'a Stage) -> Self {
        Self { containers: Containers::new(&stage.engine), app: &stage.app, hosts: vec![] }
    }

    pub fn start(&mut self) -> Result<String> {
        for endpoint in STOCK {
            self.run("stock", endpoint, &["stock", "8080", endpoint])?;
        }
        self.run(ELASTICSEARCH, ELASTICSEARCH, &["elasticsearch", "9200"])?;
        let addresses = |of: &str| {
            let of = self.hosts.iter().filter(|(name, _)| *name == of);
            of.map(|(_, address)| address.as_str()).collect::<Vec<_>>().join(", ")
        };
        let (stock, elasticsearch) = (addresses("stock"), addresses(ELASTICSEARCH));
        Ok(format!("the cluster `stock`, {stock}; and an Elasticsearch, the tests' own, {elasticsearch}"))
    }

    fn run(&mut self, host: &'static str, name: &'static str, role: &[&str]) -> Result<()> {
        self.containers.run(name, &[format!("--user={USER}")], self.app, role)?;
        let view: View = serde_json::from_str(&self.containers.exec(name, &["/app", "look"])?)?;
        let address = view.addresses.into_iter().next().with_context(|| format!("{name} has no address"))?;
        self.hosts.push((host, address));
        Ok(())
    }

    /// What a port of the pod answers to somebody outside.
    pub fn ask(&self, address: &str, port: &str, file: &str) -> Result<String> {
        soon(file, || self.containers.exec(STOCK[0], &["/app", "get", port, file, "--host", address]))
    }

    /// An endpoint ends without a word.
    pub fn kill(&self, endpoint: &str) -> Result<()> {
        self.containers.engine.run(&["kill", &self.containers.full(endpoint)]).map(drop)
    }

    /// The lines that have arrived.
    pub fn lines(&self) -> Result<Vec<String>> {
        let search = format!("{STREAM}/_search?size=1000000&filter_path=hits.hits._source.message");
        let found: Value =
            serde_json::from_str(&self.containers.exec(ELASTICSEARCH, &["/app", "get", "9200", &search])?)?;
        let hits = found["hits"]["hits"].as_array().context("no hits")?;
        Ok(hits.iter().filter_map(|hit| hit["_source"]["message"].as_str().map(Into::into)).collect())
    }
}
