//! A stand-in for Elasticsearch, on an address of its own on the node's side of the pods' bridge: a machine's firewall
//! may keep pods from each other, as Docker's does, but not from their node.

use crate::Node;
use anyhow::{Context, Result};
use e2e::elasticsearch::Server;
use kubelet::sandbox::Sandbox;
use std::net::{IpAddr, TcpListener};

/// As the example's manifests call it.
pub const SERVICE: &str = "elasticsearch";
pub const PORT: u16 = 9200;

pub struct Elasticsearch<'a> {
    pub server: Server,
    pub ip: IpAddr,
    _sandbox: Sandbox<'a>,
}

impl<'a> Elasticsearch<'a> {
    /// On this port, or any if it is 0.
    ///
    /// # Errors
    /// If there is no bridge.
    pub fn start(node: &'a Node, port: u16) -> Result<Self> {
        let sandbox = node.bridge()?;
        let ip = node.containerd.network.address()?;
        let listener = TcpListener::bind((ip, port)).with_context(|| format!("cannot listen on {ip}"))?;
        Ok(Self { server: Server::on(listener, None), ip: ip.into(), _sandbox: sandbox })
    }
}
