//! The pods' network: a bridge and a subnet that nothing else on the machine has.

use anyhow::{Context, Result};
use e2e::command::output;
use serde_json::json;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

/// Removed from the machine when dropped.
pub struct Network {
    bridge: String,
    /// Of /24
    pub subnet: Ipv4Addr,
    /// The port mappings of someone else were there before
    portmap: bool,
    /// The last number of the next address that the node gets
    next: AtomicU8,
}

/// What the portmap plugin leaves behind: a chain, and where something jumps to it.
const CHAINS: [(&str, &[&str]); 3] = [
    ("CNI-HOSTPORT-DNAT", &["PREROUTING", "OUTPUT"]),
    ("CNI-HOSTPORT-MASQ", &["POSTROUTING"]),
    ("CNI-HOSTPORT-SETMARK", &[]),
];

impl Network {
    /// Writes the CNI's configuration to `directory/net.d`, and has it keep its leases in `directory`.
    ///
    /// # Errors
    /// If no subnet is free.
    pub fn new(directory: &Path, number: u32) -> Result<Self> {
        let id = std::process::id();
        let taken = output(Command::new("ip").args(["-4", "-oneline", "address"]))?
            + &output(Command::new("ip").args(["-4", "-oneline", "route"]))?;
        let subnet = (0..=u8::MAX)
            .map(|try_next| {
                let [.., second, third] = (id.wrapping_mul(7).wrapping_add(number)).to_be_bytes();
                Ipv4Addr::new(10, 64 | second >> 1, third.wrapping_add(try_next), 0)
            })
            .find(|subnet| !taken.contains(&subnet.to_string()[..subnet.to_string().len() - 1]))
            .context("no subnet is free")?;
        let portmap = chain_exists(CHAINS[0].0);
        let network = Self { bridge: format!("pods{id}n{number}"), subnet, portmap, next: AtomicU8::new(254) };
        let configuration = json!({
            "cniVersion": "0.4.0",
            "name": network.bridge,
            "plugins": [
                {
                    "type": "bridge",
                    "bridge": network.bridge,
                    "isGateway": true,
                    "ipam": {
                        "type": "host-local",
                        "dataDir": directory.join("leases"),
                        "ranges": [[{ "subnet": format!("{subnet}/24") }]],
                        "routes": [{ "dst": "0.0.0.0/0" }]
                    }
                },
                { "type": "portmap", "capabilities": { "portMappings": true } }
            ]
        });
        fs::create_dir_all(directory.join("net.d"))?;
        fs::write(directory.join("net.d/10-bridge.conflist"), configuration.to_string())?;
        Ok(network)
    }

    /// One more address of the node's, which pods reach; there is a bridge when there was a pod.
    ///
    /// # Errors
    /// If there is no bridge.
    pub fn address(&self) -> Result<Ipv4Addr> {
        let [first, second, third, _] = self.subnet.octets();
        // Pods have theirs from the other end.
        let ip = Ipv4Addr::new(first, second, third, self.next.fetch_sub(1, Ordering::Relaxed));
        output(Command::new("ip").args(["address", "add", &format!("{ip}/32"), "dev", &self.bridge]))?;
        Ok(ip)
    }

    /// How many pods are plugged into the bridge.
    pub fn ports(&self) -> usize {
        fs::read_dir(format!("/sys/class/net/{}/brif", self.bridge)).map_or(0, Iterator::count)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        quietly("ip", &["link", "delete", &self.bridge]);
        if self.portmap {
            return;
        }
        for (chain, callers) in CHAINS {
            let rules = output(Command::new("iptables").args(["-w", "-t", "nat", "-S"])).unwrap_or_default();
            let used = rules.lines().any(|rule| rule.starts_with(&format!("-A {chain} ")) && rule.contains("CNI-DN"));
            if used {
                return; // by pods of someone else, who came later
            }
            for caller in callers {
                let from = format!("-A {caller} ");
                let jump = format!("-j {chain}");
                for rule in rules.lines().filter(|rule| rule.starts_with(&from) && rule.ends_with(&jump)) {
                    // As the rule is listed; its comment is one quoted argument.
                    let _ = Command::new("sh").arg("-c").arg(format!("iptables -w -t nat -D {}", &rule[3..])).status();
                }
            }
            quietly("iptables", &["-w", "-t", "nat", "-F", chain]);
            quietly("iptables", &["-w", "-t", "nat", "-X", chain]);
        }
    }
}

fn chain_exists(chain: &str) -> bool {
    output(Command::new("iptables").args(["-w", "-t", "nat", "-S", chain])).is_ok()
}

fn quietly(program: &str, arguments: &[&str]) {
    let _ = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
}
