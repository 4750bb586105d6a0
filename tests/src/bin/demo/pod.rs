//! The pod: pause, which holds it, and what joins, one container after another.

use crate::containers::{Containers, USER};
use crate::outside::{Outside, STREAM};
use anyhow::{Context, Result, ensure};
use e2e::contract::{Stage, soon};
use e2e::engine::image;
use e2e::members::Member;
use e2e::view::View;
use std::collections::BTreeMap;

/// The init container, the sidecars and the app, in the order of their start, and by which of their images.
pub const CONTAINERS: [(&str, &str); 6] = [
    ("pause", "pause"),
    ("war-copy", "war-copy"),
    ("log-shipper", "log-shipper"),
    ("adapter", "adapter-proxy"),
    ("ambassador", "adapter-proxy"),
    ("shop", "app"),
];
pub const SIDECARS: [&str; 3] = ["log-shipper", "adapter", "ambassador"];

/// What the pod shares besides its namespaces.
const VOLUMES: [&str; 4] = ["webapps", "logs", "state", "config"];
/// Both are adapter-proxy, in one network: the second has its admin endpoint elsewhere.
const ADAPTERS_ADMIN: &str = "127.0.0.1:9632";

pub struct Pod<'a> {
    pub containers: Containers<'a>,
    stage: &'a Stage,
    pub address: String,
}

impl<'a> Pod<'a> {
    pub fn new(stage: &'a Stage) -> Self {
        Self { containers: Containers::new(&stage.engine), stage, address: String::new() }
    }

    /// Starts pause, in which everybody will be. It keeps the volumes, too.
    pub fn hold(&mut self, outside: &Outside) -> Result<String> {
        for volume in VOLUMES {
            self.containers.volume(volume)?;
        }
        let mut options = vec!["--ipc=shareable".into()];
        options.extend(outside.hosts.iter().map(|(name, address)| format!("--add-host={name}:{address}")));
        options.extend(VOLUMES.map(|volume| self.mount(volume, &format!("/pod/{volume}"))));
        self.containers.run("pause", &options, &self.stage.pause, &[])?;
        Ok("holds what the pod shares: network, IPC, processes, whose PID 1 it is, and volumes".into())
    }

    /// Runs the init container.
    pub fn put(&mut self, artifact: &str) -> Result<String> {
        let options = self.joining(&[self.mount("webapps", "/app"), "--env=WAR_COPY_EXPLODE=true".into()]);
        let (_, said) = self.containers.finish("war-copy", &options, artifact, &[])?;
        ensure!(said.contains("put in /app"), "war-copy says `{said}`");
        Ok(format!("init container, with a WAR in its image: {}", said.trim_start_matches("war-copy: ")))
    }

    /// Starts log-shipper, and returns when it is ready.
    pub fn ship(&mut self) -> Result<String> {
        let options = [self.mount("logs", "/var/log/app") + ":ro", self.mount("state", "/var/lib/log-shipper")];
        let data_stream = format!("--data-stream={STREAM}");
        let ship = ["/var/log/app/*.log", "--to=http://elasticsearch:9200", &data_stream];
        self.sidecar("log-shipper", "log-shipper", &options, &ship)?;
        Ok("sidecar, ready: /var/log/app/*.log goes to http://elasticsearch:9200".into())
    }

    /// Starts adapter-proxy as an adapter.
    pub fn adapt(&mut self) -> Result<String> {
        let file = e2e::workspace("examples/compose/adapter.yaml");
        let to = format!("{}:/pod/config/adapter.yaml", self.containers.full("pause"));
        self.containers.engine.run(&["cp", &file.to_string_lossy(), &to])?;
        let options =
            [self.mount("config", "/etc/adapter-proxy") + ":ro", format!("--env=ADAPTER_PROXY_ADMIN={ADAPTERS_ADMIN}")];
        self.sidecar("adapter", "adapter-proxy", &options, &["--config=/etc/adapter-proxy/adapter.yaml"])?;
        Ok("sidecar, ready: the app's JSON becomes metrics for Prometheus, on port 9631".into())
    }

    /// Starts adapter-proxy as an ambassador.
    pub fn represent(&mut self) -> Result<String> {
        let arguments = ["--listen=127.0.0.1:8080", "--protocol=http", "--to=stock:8080"];
        self.sidecar("ambassador", "adapter-proxy", &[], &arguments)?;
        Ok("sidecar, ready: 127.0.0.1:8080 is the whole cluster `stock`".into())
    }

    /// Starts the app, which knows its files and localhost.
    pub fn open(&mut self, release: u32) -> Result<String> {
        let options = self.joining(&[self.mount("webapps", "/webapps") + ":ro", self.mount("logs", "/var/log/app")]);
        let release = format!("--release={release}");
        let files = ["--pages=/webapps/shop", "--log=/var/log/app/shop.log"];
        let arguments = [&["shop", "8081", "--stock=8080"], &files[..], &[&release]].concat();
        self.containers.run("shop", &options, &self.stage.app, &arguments)?;
        soon("the app's page", || self.app(&["get", "8081", "index.html"]))
    }

    fn sidecar(&mut self, name: &str, program: &str, options: &[String], arguments: &[&str]) -> Result<()> {
        let options = self.joining(options);
        self.containers.run(name, &options, &image(program), arguments)?;
        let probe = [&format!("/bin/{program}"), "probe", "ready"];
        soon("the sidecar's readiness", || self.containers.exec(name, &probe)).map(drop)
    }

    /// What makes a container one of the pod.
    fn joining(&self, more: &[String]) -> Vec<String> {
        let infra = self.containers.full("pause");
        let namespaces = ["net", "ipc", "pid"].map(|kind| format!("--{kind}=container:{infra}"));
        [&namespaces[..], &[format!("--user={USER}")], more].concat()
    }

    fn mount(&self, volume: &str, path: &str) -> String {
        format!("--volume={}:{path}", self.containers.full(volume))
    }

    /// What the app prints when it runs once more, in its container and this role.
    pub fn app(&self, role: &[&str]) -> Result<String> {
        self.containers.exec("shop", &[&["/app"], role].concat())
    }

    /// What the app sees of the pod.
    pub fn view(&self) -> Result<View> {
        Ok(serde_json::from_str(&self.app(&["look"])?)?)
    }

    /// The processes of each container.
    pub fn members(&self) -> Result<BTreeMap<&'static str, Vec<Member>>> {
        let ids = CONTAINERS.into_iter().map(|(name, _)| Ok((name, self.containers.inspect(name, "{{.Id}}")?)));
        let ids: Vec<(&str, String)> = ids.collect::<Result<_>>()?;
        let mut members = BTreeMap::<_, Vec<Member>>::new();
        for user in [USER, &self.view()?.init.user] {
            let seen: Vec<Member> =
                serde_json::from_str(&self.containers.exec_as(user, "shop", &["/app", "members"])?)?;
            for member in seen.into_iter().filter(|member| member.pss.is_some()) {
                // A container's own cgroup may be the root of what is seen in it.
                let known = ids.iter().find(|(_, id)| member.cgroup.contains(id.as_str()));
                members.entry(known.map_or("shop", |(name, _)| *name)).or_default().push(member);
            }
        }
        for (name, _) in CONTAINERS.into_iter().filter(|(name, _)| *name != "war-copy") {
            ensure!(members.contains_key(name), "{name} has no process");
        }
        Ok(members)
    }

    /// All that the app has ever logged, line by line. Also when it is gone.
    pub fn log(&mut self) -> Result<Vec<String>> {
        let options = [self.mount("logs", "/logs") + ":ro", "--network=none".into(), format!("--user={USER}")];
        let (lines, _) = self.containers.finish("reader", &options, &self.stage.app, &["read", "/logs"])?;
        Ok(lines.lines().map(Into::into).collect())
    }

    /// pause gets SIGTERM, and has ended when this returns. Its exit code.
    pub fn end(&self) -> Result<i32> {
        let pause = self.containers.full("pause");
        self.containers.engine.run(&["kill", "--signal", "TERM", &pause])?;
        self.containers.engine.run(&["wait", &pause])?.parse().context("no exit code")
    }
}
