//! What is to be in the volumes whose files come from the cluster, as `collectData` of kubelet's `projected.go` has it:
//! <https://kubernetes.io/docs/concepts/storage/projected-volumes/>.

use crate::facts::Facts;
use crate::manifest::{DownwardFile, Files, Item, Manifest, Source, Volume};
use crate::token::{Tokens, claims};
use crate::writer::{File, Payload};
use anyhow::{Result, bail, ensure};
use std::collections::BTreeMap;

/// Kubernetes' own
const DEFAULT_MODE: u32 = 0o644;

/// The files of a volume.
///
/// # Errors
/// If it has no source that is known, or its source is not there and not optional.
pub fn payload(manifest: &Manifest, facts: &Facts, tokens: &mut Tokens, volume: &Volume) -> Result<Payload> {
    let of =
        |mode: Option<u32>| Collector { manifest, facts, mode: mode.unwrap_or(DEFAULT_MODE), payload: Payload::new() };
    let (config_map, secret) = (&volume.config_map, &volume.secret);
    let mut collector;
    match (config_map, secret, &volume.projected, &volume.downward) {
        (Some(source), None, None, None) => {
            collector = of(source.default_mode);
            collector.object(Kind::ConfigMap, &source.name, &source.items, source.optional)?;
        }
        (None, Some(source), None, None) => {
            collector = of(source.default_mode);
            collector.object(Kind::Secret, &source.secret_name, &source.items, source.optional)?;
        }
        (None, None, Some(projected), None) => {
            collector = of(projected.default_mode);
            projected.sources.iter().try_for_each(|source| collector.source(source, tokens))?;
        }
        (None, None, None, Some(downward)) => {
            collector = of(downward.default_mode);
            collector.downward(&downward.items)?;
        }
        _ => bail!("it wants one source: emptyDir, hostPath, configMap, secret, projected, downwardAPI or image"),
    }
    Ok(collector.payload)
}

struct Collector<'a> {
    manifest: &'a Manifest,
    facts: &'a Facts,
    /// Of files that say no other
    mode: u32,
    payload: Payload,
}

#[derive(Clone, Copy)]
enum Kind {
    ConfigMap,
    Secret,
}

impl Collector<'_> {
    fn source(&mut self, source: &Source, tokens: &mut Tokens) -> Result<()> {
        match (&source.config_map, &source.secret, &source.downward, &source.service_account_token) {
            (Some(source), None, None, None) => {
                self.object(Kind::ConfigMap, &source.name, &source.items, source.optional)
            }
            (None, Some(source), None, None) => self.object(Kind::Secret, &source.name, &source.items, source.optional),
            (None, None, Some(source), None) => self.downward(&source.items),
            (None, None, None, Some(source)) => {
                let security = &self.manifest.pod.spec.security_context;
                let owner = user(self.manifest);
                // Its group may read it, too, where the pod has one.
                let mode = if owner.is_some() || security.fs_group.is_some() { 0o600 } else { self.mode };
                let content =
                    tokens.get(&claims(self.manifest, self.facts, &source.audience)?, source.expiration_seconds)?;
                self.add(&source.path, File { content, mode, owner })
            }
            _ => bail!("a projected source is one of configMap, secret, downwardAPI and serviceAccountToken"),
        }
    }

    fn object(&mut self, kind: Kind, name: &str, items: &[Item], optional: bool) -> Result<()> {
        let (kind, objects): (_, &BTreeMap<String, Files>) = match kind {
            Kind::ConfigMap => ("ConfigMap", &self.manifest.config_maps),
            Kind::Secret => ("Secret", &self.manifest.secrets),
        };
        let Some(object) = objects.get(name) else {
            ensure!(optional, "the manifest has no {kind} {name}");
            return Ok(());
        };
        if items.is_empty() {
            return object.iter().try_for_each(|(key, content)| self.add(key, self.file(content, None)));
        }
        for Item { key, path, mode } in items {
            match object.get(key) {
                Some(content) => self.add(path, self.file(content, *mode))?,
                None => ensure!(optional, "{kind} {name} has no key {key}"),
            }
        }
        Ok(())
    }

    fn downward(&mut self, items: &[DownwardFile]) -> Result<()> {
        for item in items {
            let content = self.facts.file(&item.field_ref.field_path)?;
            self.add(&item.path, self.file(&content, item.mode))?;
        }
        Ok(())
    }

    fn file(&self, content: &str, mode: Option<u32>) -> File {
        File { content: content.into(), mode: mode.unwrap_or(self.mode), owner: None }
    }

    /// As `validatePath` of kubelet's `atomic_writer.go`. What comes later counts.
    fn add(&mut self, path: &str, file: File) -> Result<()> {
        let inside =
            !path.is_empty() && !path.starts_with("..") && !path.split('/').any(|part| ["", ".."].contains(&part));
        ensure!(inside, "`{path}` is no path in a volume");
        self.payload.insert(path.into(), file);
        Ok(())
    }
}

/// The user that all containers run as, if it is one: `FsUserFrom` in kubelet's `volume/util/util.go`.
fn user(manifest: &Manifest) -> Option<u32> {
    let spec = &manifest.pod.spec;
    let containers = spec.init_containers.iter().chain(&spec.containers);
    let mut users = containers.map(|container| {
        container
            .security_context
            .run_as_user
            .or(spec.security_context.run_as_user)
            .and_then(|user| user.try_into().ok())
    });
    let first = users.next()??;
    users.all(|user| user == Some(first)).then_some(first)
}
