//! A pod's volumes, as directories of the node's.

use crate::containerd::Containerd;
use crate::facts::Facts;
use crate::manifest::{Files, Item, Manifest, Projection, Volume};
use anyhow::{Context, Result, anyhow, bail};
use nix::unistd::{Gid, chown};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Makes every volume below `home`, but those that are images; returns where each is, by its name.
///
/// # Errors
/// If a volume has no source that is known, or its source is not there.
pub fn make(manifest: &Manifest, facts: &Facts, home: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let group = manifest.pod.spec.security_context.fs_group;
    let mut made = BTreeMap::new();
    for volume in manifest.pod.spec.volumes.iter().filter(|volume| volume.image.is_none()) {
        let path = one(manifest, facts, volume, home, group).with_context(|| format!("volume {}", volume.name))?;
        made.insert(volume.name.clone(), path);
    }
    Ok(made)
}

/// The volumes that are images. containerd before 2.1 does not mount them, as kubelet would ask for it over the CRI; so
/// their files are mounted on the node, without `noexec`, and come to the containers from there.
/// <https://kubernetes.io/docs/concepts/storage/volumes/#image>
///
/// # Errors
/// If the node has not the image: the runner pulls nothing.
pub fn images(manifest: &Manifest, containerd: &Containerd) -> Result<BTreeMap<String, PathBuf>> {
    let mount = |volume: &Volume| {
        let image = volume.image.as_ref()?;
        let mounted = if image.pull_policy.as_deref() == Some("Always") {
            Err(anyhow!("the runner pulls nothing, so it cannot pull {} always", image.reference))
        } else {
            containerd.mount(&image.reference)
        };
        let mounted = mounted.with_context(|| format!("volume {}", volume.name));
        Some(mounted.map(|path| (volume.name.clone(), path)))
    };
    manifest.pod.spec.volumes.iter().filter_map(mount).collect()
}

/// Makes those volumes anew whose source is this `ConfigMap`.
///
/// # Errors
/// As [`make`].
pub fn update(manifest: &Manifest, facts: &Facts, config_map: &str, home: &Path) -> Result<()> {
    let of = |volume: &&Volume| volume.config_map.as_ref().is_some_and(|source| source.name == config_map);
    manifest
        .pod
        .spec
        .volumes
        .iter()
        .filter(of)
        .try_for_each(|volume| one(manifest, facts, volume, home, None).map(drop))
}

fn one(manifest: &Manifest, facts: &Facts, volume: &Volume, home: &Path, group: Option<u32>) -> Result<PathBuf> {
    if let Some(source) = &volume.host_path {
        let path = PathBuf::from(&source.path);
        return path.exists().then_some(path).with_context(|| format!("the node has no {}", source.path));
    }
    let path = home.join(&volume.name);
    fs::create_dir_all(&path)?;
    if volume.empty_dir.is_some() {
        // As kubelet makes it: any user may write, or the pod's group owns it and all that comes in.
        let mode = if group.is_some() { 0o2777 } else { 0o777 };
        chown(&path, None, group.map(Gid::from_raw))?;
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
        return Ok(path);
    }
    let mut files = Files::new();
    let from = |objects: &BTreeMap<String, Files>, kind, name: &str, items: &[Item]| {
        let object = objects.get(name).with_context(|| format!("the manifest has no {kind} {name}"))?;
        select(object, items).with_context(|| format!("{kind} {name}"))
    };
    let config_map = |source: &Projection| from(&manifest.config_maps, "ConfigMap", &source.name, &source.items);
    let secret = |name: &str, items: &[Item]| from(&manifest.secrets, "Secret", name, items);
    match (&volume.config_map, &volume.secret, &volume.projected, &volume.downward) {
        (Some(source), None, None, None) => files.extend(config_map(source)?),
        (None, Some(source), None, None) => files.extend(secret(&source.secret_name, &source.items)?),
        (None, None, Some(projected), None) => {
            for source in &projected.sources {
                match (&source.config_map, &source.secret) {
                    (Some(source), None) => files.extend(config_map(source)?),
                    (None, Some(source)) => files.extend(secret(&source.name, &source.items)?),
                    _ => bail!("a projected source is a configMap or a secret"),
                }
            }
        }
        (None, None, None, Some(downward)) => {
            for item in &downward.items {
                files.insert(item.path.clone(), facts.file(&item.field_ref.field_path)?);
            }
        }
        _ => bail!("it wants one source: emptyDir, hostPath, configMap, secret, projected, downwardAPI or image"),
    }
    project(&files, &path)?;
    Ok(path)
}

/// Writes the file `/etc/hosts` of a pod's containers to `home`, as `managedHostsFileContent` in kubelet's
/// `kubelet_pods.go` has it.
///
/// # Errors
/// If it cannot be written.
pub fn hosts(manifest: &Manifest, facts: &Facts, home: &Path) -> Result<PathBuf> {
    let own = facts.ip.map(|ip| format!("{ip}\t{}\n", manifest.pod.metadata.name));
    let aliases = manifest.pod.spec.host_aliases.iter();
    let aliases = aliases.map(|alias| format!("{}\t{}\n", alias.ip, alias.hostnames.join("\t")));
    let hosts: Vec<_> = own.into_iter().chain(aliases).collect();
    let hosts = format!("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n{}", hosts.concat());
    // No volume's name has a dot.
    let path = home.join("etc.hosts");
    fs::write(&path, hosts)?;
    Ok(path)
}

fn select(object: &Files, items: &[Item]) -> Result<Files> {
    if items.is_empty() {
        return Ok(object.clone());
    }
    let content = |item: &Item| object.get(&item.key).cloned().with_context(|| format!("it has no key {}", item.key));
    items.iter().map(|item| Ok((item.path.clone(), content(item)?))).collect()
}

/// As kubelet does: each name is a link through `..data`, which is a link to the directory with the files, so that one
/// rename changes all. What was there before is replaced; a name that is gone stays as a link to nothing.
fn project(files: &Files, volume: &Path) -> Result<()> {
    let (data, new) = (volume.join("..data"), volume.join("..data_tmp"));
    let before = fs::read_link(&data).ok();
    let directory = if before.as_deref() == Some(Path::new("..1")) { "..2" } else { "..1" };
    for (path, content) in files {
        let file = volume.join(directory).join(path);
        fs::create_dir_all(file.parent().context("a path in the volume")?)?;
        fs::write(&file, content)?;
        let first = path.split('/').next().context("a path in the volume")?;
        if !volume.join(first).is_symlink() {
            symlink(Path::new("..data").join(first), volume.join(first))?;
        }
    }
    symlink(directory, &new)?;
    fs::rename(new, data)?;
    before.map_or(Ok(()), |before| Ok(fs::remove_dir_all(volume.join(before))?))
}
