//! Those that map bodies, all by the same ten fields.

use super::super::proxies::{Proxy, adapter_proxy, haproxy, nginx};
use crate::machine::version;
use anyhow::Result;
use std::path::Path;
use std::process::Command;

struct Peer {
    name: &'static str,
    /// Besides haproxy or nginx itself
    packages: &'static [&'static str],
    configuration: &'static str,
    command: fn(&Path, u16) -> Command,
}

const PEERS: [Peer; 3] = [
    Peer {
        name: "haproxy, Lua",
        packages: &["lua-cjson"],
        configuration: include_str!("../configurations/adapter/haproxy.cfg"),
        command: haproxy,
    },
    Peer {
        name: "nginx, LuaJIT",
        packages: &["lua-cjson", "libnginx-mod-http-lua"],
        configuration: include_str!("../configurations/adapter/nginx-lua.conf"),
        command: |file, _| nginx(file),
    },
    Peer {
        name: "nginx, njs",
        packages: &["libnginx-mod-http-js"],
        configuration: include_str!("../configurations/adapter/nginx-njs.conf"),
        command: |file, _| nginx(file),
    },
];

/// Those that can be had, adapter-proxy first. Says which cannot.
///
/// # Errors
/// If there are no ports.
pub fn peers() -> Result<Vec<Proxy>> {
    let own = include_str!("../configurations/adapter/adapter-proxy.yaml");
    let mut proxies = vec![Proxy::new("adapter-proxy", own, adapter_proxy)?];
    for Peer { name, packages, configuration, command } in PEERS {
        match packages.iter().find(|package| version(package).is_err()) {
            None => proxies.push(Proxy::new(name, configuration, command)?),
            Some(missing) => println!("without {name}: there is no {missing}, which `make peers` installs\n"),
        }
    }
    Ok(proxies)
}

/// What is compared, in a line.
///
/// # Errors
/// If there is no haproxy, nginx or wrk.
pub fn versions() -> Result<String> {
    let mut versions = vec![];
    for package in ["haproxy", "nginx", "wrk"] {
        versions.push(format!("{package} {}", version(package)?));
    }
    for package in ["lua-cjson", "libnginx-mod-http-lua", "libnginx-mod-http-js"] {
        versions.extend(version(package).map(|version| format!("{package} {version}")));
    }
    Ok(versions.join(", "))
}
