//! The verbs that sessions use, each with what kubectl prints.

use super::debug::Debug;
use super::{Services, get};
use crate::containerd::Containerd;
use crate::cri::Cri;
use crate::http;
use crate::kustomize;
use crate::manifest::{Container, HostAlias, Manifest, Object, Parts};
use crate::pod::{Phase, Pod};
use anyhow::{Context, Result, bail, ensure};
use e2e::process::DEADLINE;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// What a session has to do with: one pod at a time, and what was there before.
pub struct Cluster<'a> {
    containerd: &'a Containerd,
    cri: &'a Cri,
    /// Where its files are
    directory: &'a Path,
    services: &'a Services,
    applied: Option<Applied<'a>>,
}

struct Applied<'a> {
    objects: Vec<Object>,
    pod: Pod<'a>,
}

impl<'a> Cluster<'a> {
    pub fn new(containerd: &'a Containerd, cri: &'a Cri, directory: &'a Path, services: &'a Services) -> Self {
        Self { containerd, cri, directory, services, applied: None }
    }

    pub fn has_pod(&self) -> bool {
        self.applied.is_some()
    }

    /// What `words` print.
    ///
    /// # Errors
    /// If kubectl would fail, or it is a command that the runner does not know.
    pub fn kubectl(&mut self, words: &[&str]) -> Result<String> {
        match (words, self.applied.as_mut()) {
            (["kubectl", "apply", files @ ..], None) => self.apply(files),
            (["kubectl", "apply", files @ ..], Some(_)) => {
                let text = self.read(files)?;
                self.apply_more(&text)
            }
            (["kubectl", "delete", files @ ..], Some(_)) if matches!(files.first(), Some(&("-f" | "-k"))) => {
                let objects = Parts::parse(&self.read(files)?)?.objects;
                self.delete(&objects)
            }
            (["kubectl", "delete", "pod", which], Some(_)) => {
                self.delete(&[Object { resource: "pod", name: (*which).into() }])
            }
            (["kubectl", "wait", "--for=condition=Ready", which], Some(applied)) => {
                ensure!(applied.is("pod", which.strip_prefix("pod/")), "there is {:?}", applied.objects);
                applied.pod.until_ready()?;
                Ok(format!("{which} condition met"))
            }
            (["kubectl", "wait", "--for=condition=Ready=false", which], Some(applied)) => {
                ensure!(applied.is("pod", which.strip_prefix("pod/")), "there is {:?}", applied.objects);
                applied.pod.until_not_ready()?;
                Ok(format!("{which} condition met"))
            }
            (["kubectl", "wait", "--for=condition=Complete", which], Some(applied)) => {
                ensure!(applied.is("job.batch", which.strip_prefix("job/")), "there is {:?}", applied.objects);
                ensure!(applied.pod.until_ended()? == Phase::Succeeded, "the job's pod fails");
                Ok(format!("job.batch/{} condition met", &which["job/".len()..]))
            }
            (["kubectl", "wait", "--for=condition=Available", which], Some(applied)) => {
                let name = which.strip_prefix("deployment/");
                ensure!(applied.is("deployment.apps", name), "there is {:?}", applied.objects);
                applied.pod.until_ready()?;
                Ok(format!("deployment.apps/{} condition met", name.unwrap_or_default()))
            }
            (["kubectl", "exec", which, "-c", container, "--", command @ ..], Some(applied)) => {
                ensure!(applied.has_pod_of(which), "there is {:?}", applied.objects);
                applied.pod.exec(container, &command.iter().map(ToString::to_string).collect::<Vec<_>>())
            }
            (["kubectl", "logs", which, "-c", container], Some(applied)) => {
                ensure!(applied.has_pod_of(which), "there is {:?}", applied.objects);
                applied.pod.log(container)
            }
            (["kubectl", "logs", which, "-c", container, "--previous"], Some(applied)) => {
                ensure!(applied.is("pod", Some(which)), "there is {:?}", applied.objects);
                applied.pod.previous_log(container)
            }
            (["kubectl", "get", "--raw", path], _) => self.get(path),
            (["kubectl", "get", "pod", which, options @ ..], Some(applied)) => {
                ensure!(applied.is("pod", Some(which)), "there is {:?}", applied.objects);
                get::pod(&applied.pod, options)
            }
            (["kubectl", verb @ ("label" | "annotate"), "pod", which, pair], Some(applied)) => {
                ensure!(applied.is("pod", Some(which)), "there is {:?}", applied.objects);
                let (key, value) = pair.split_once('=').context("no KEY=VALUE")?;
                applied.pod.edit(|manifest| {
                    let metadata = &mut manifest.pod.metadata;
                    let pairs = if *verb == "label" { &mut metadata.labels } else { &mut metadata.annotations };
                    pairs.insert(key.into(), value.into());
                })?;
                Ok(format!("pod/{which} {verb}{}", if *verb == "label" { "ed" } else { "d" }))
            }
            (["kubectl", "debug", words @ ..], Some(applied)) => {
                let debug = Debug::parse(words)?;
                ensure!(applied.is("pod", Some(debug.pod)), "there is {:?}", applied.objects);
                let custom = debug.custom.map(|file| fs::read_to_string(self.directory.join(file))).transpose()?;
                let custom = custom.unwrap_or_else(|| "{}".into());
                let mut container = Container::ephemeral(debug.container, debug.image, &custom)?;
                container.command.extend(debug.command.iter().map(ToString::to_string));
                applied.pod.debug(&container, debug.target)?;
                Ok(debug.said())
            }
            _ => bail!("the runner knows no such command, or not here"),
        }
    }

    fn apply(&mut self, files: &[&str]) -> Result<String> {
        let mut manifest = Manifest::parse(&self.read(files)?)?;
        let addresses = self.services.addresses.iter();
        let aliases = addresses.map(|(name, ip)| HostAlias { ip: ip.to_string(), hostnames: vec![name.clone()] });
        manifest.pod.spec.host_aliases.extend(aliases);
        manifest.dns = self.services.dns;
        let objects = manifest.objects.clone();
        let pod = Pod::start(self.containerd, self.cri, manifest)?;
        let printed: Vec<_> =
            objects.iter().map(|object| format!("{}/{} created", object.resource, object.name)).collect();
        self.applied = Some(Applied { objects, pod });
        Ok(printed.join("\n"))
    }

    /// As `sed` and `kubectl apply` do it with a file of what was applied, but no pod: the first `old` of each line
    /// becomes `new`.
    ///
    /// # Errors
    /// If that changes nothing, or there are others.
    pub fn apply_edited(&mut self, file: &str, old: &str, new: &str) -> Result<String> {
        let text = self.read(&["-f", file])?;
        let edited: Vec<_> = text.lines().map(|line| line.replacen(old, new, 1)).collect();
        let edited = edited.join("\n");
        ensure!(edited != text.trim_end(), "{file} has no `{old}`");
        self.apply_more(&edited)
    }

    /// To a pod that is there.
    fn apply_more(&mut self, text: &str) -> Result<String> {
        let parts = Parts::parse(text)?;
        ensure!(parts.pods.is_empty(), "the runner changes no pod");
        let applied = self.applied.as_mut().context("nothing was applied")?;
        applied.pod.edit(|manifest| {
            manifest.config_maps.extend(parts.config_maps);
            manifest.secrets.extend(parts.secrets);
            manifest.service_accounts.extend(parts.service_accounts);
        })?;
        let mut printed = vec![];
        for object in parts.objects {
            let (resource, name) = (object.resource, object.name.clone());
            let known = applied.objects.contains(&object);
            printed.push(format!("{resource}/{name} {}", if known { "configured" } else { "created" }));
            applied.objects.extend((!known).then_some(object));
        }
        Ok(printed.join("\n"))
    }

    /// What kubelet does anyhow while one waits. A second of that is a minute for tokens, or one would wait for long.
    ///
    /// # Errors
    /// If the runtime refuses.
    pub fn look_after(&mut self) -> Result<()> {
        let Some(applied) = &mut self.applied else { return Ok(()) };
        applied.pod.look_after()?;
        applied.pod.pass(Duration::from_mins(1))
    }

    /// All that was applied, and nothing else.
    fn delete(&mut self, objects: &[Object]) -> Result<String> {
        let all = |applied: &Applied| {
            applied.objects.len() == objects.len() && applied.objects.iter().all(|object| objects.contains(object))
        };
        let applied = self.applied.take_if(|applied| all(applied));
        applied.with_context(|| format!("{objects:?} is not what was applied"))?.pod.delete()?;
        let printed = objects.iter().map(|object| format!("{} \"{}\" deleted", object.resource, object.name));
        Ok(printed.collect::<Vec<_>>().join("\n"))
    }

    /// The documents of all `files`, each of which follows `-f`, or what is built of a directory that follows `-k`.
    fn read(&self, files: &[&str]) -> Result<String> {
        let documents = files.chunks(2).map(|option| match option {
            ["-f", file] => {
                fs::read_to_string(self.directory.join(file)).with_context(|| format!("cannot read {file}"))
            }
            ["-k", directory] => kustomize::build(&self.directory.join(directory)),
            _ => bail!("the runner wants -f FILE or -k DIRECTORY"),
        });
        Ok(documents.collect::<Result<Vec<_>>>()?.join("---\n"))
    }

    /// Through the API server's proxy, which asks a pod or a service.
    fn get(&self, path: &str) -> Result<String> {
        let path = path.strip_prefix("/api/v1/namespaces/default/").context("not of this namespace")?;
        let (of, path) = path.split_once("/proxy/").context("no proxy")?;
        let (of, port) = of.split_once(':').context("no port")?;
        let ip = match of.split_once('/') {
            Some(("services", name)) => {
                *self.services.addresses.get(name).with_context(|| format!("no service {name}"))?
            }
            Some(("pods", name)) => {
                let applied = self.applied.as_ref().filter(|applied| applied.is("pod", Some(name)));
                applied.with_context(|| format!("no pod {name}"))?.pod.ip()?
            }
            _ => bail!("the runner asks pods and services"),
        };
        let answer = http::get(SocketAddr::new(ip, port.parse()?), path, DEADLINE)?;
        ensure!(answer.status == 200, "HTTP status {}: {}", answer.status, answer.body);
        Ok(answer.body.trim_end().into())
    }
}

impl Applied<'_> {
    /// POD, `job/JOB` or `deployment/DEPLOYMENT`, as kubectl takes them where it wants a pod.
    fn has_pod_of(&self, which: &str) -> bool {
        match which.split_once('/') {
            Some(("job", name)) => self.is("job.batch", Some(name)),
            Some(("deployment", name)) => self.is("deployment.apps", Some(name)),
            Some(_) => false,
            None => self.is("pod", Some(which)),
        }
    }

    fn is(&self, resource: &str, name: Option<&str>) -> bool {
        self.objects.iter().any(|object| object.resource == resource && Some(object.name.as_str()) == name)
    }
}
