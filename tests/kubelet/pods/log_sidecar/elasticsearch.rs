//! A stand-in for Elasticsearch, on the node's side of the pods' bridge: a machine's firewall may keep pods from each
//! other, as Docker's does, but not from their gateway.

use crate::Node;
use anyhow::{Context, Result};
use e2e::elasticsearch::Server;
use kubelet::sandbox::Sandbox;
use std::net::{IpAddr, Ipv4Addr, TcpListener};

/// As the example's manifests call it.
pub const SERVICE: &str = "elasticsearch";
pub const PORT: u16 = 9200;

pub struct Elasticsearch<'a> {
    pub server: Server,
    pub ip: IpAddr,
    _sandbox: Sandbox<'a>,
}

impl<'a> Elasticsearch<'a> {
    /// On this port, or one of its own if it is 0.
    ///
    /// # Errors
    /// If there is no bridge, or somebody has the port.
    pub fn start(node: &'a Node, port: u16) -> Result<Self> {
        let sandbox = node.bridge()?;
        let [first, second, third, _] = node.containerd.network.subnet.octets();
        let gateway = Ipv4Addr::new(first, second, third, 1);
        let listener = TcpListener::bind((gateway, port)).with_context(|| format!("cannot listen on {gateway}"))?;
        Ok(Self { server: Server::on(listener, None), ip: gateway.into(), _sandbox: sandbox })
    }
}
