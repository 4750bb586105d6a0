//! A pod's volumes.

use crate::containerd::Containerd;
use crate::cri::Cri;
use crate::facts::Facts;
use crate::manifest::{Manifest, Volume};
use crate::projection::payload;
use crate::token::Tokens;
use crate::writer;
use anyhow::{Context, Result, ensure};
use nix::unistd::{Gid, chown};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What is mounted of a volume.
pub enum Source {
    /// A directory of the node's
    Path(PathBuf),
    /// By its name, for the runtime to mount
    Image(String),
}

/// Makes every volume below `home`, but those that are images; returns what each is, by its name.
///
/// # Errors
/// If a volume has no source that is known, or its source is not there.
pub fn make(manifest: &Manifest, facts: &Facts, tokens: &mut Tokens, home: &Path) -> Result<BTreeMap<String, Source>> {
    let mut made = BTreeMap::new();
    for volume in manifest.pod.spec.volumes.iter().filter(|volume| volume.image.is_none()) {
        let path = one(manifest, facts, tokens, volume, home).with_context(|| format!("volume {}", volume.name))?;
        made.insert(volume.name.clone(), Source::Path(path));
    }
    Ok(made)
}

/// The volumes that are images. containerd mounts them since 2.1, and is asked for it as kubelet does; with an older one
/// their files are mounted on the node, without `noexec`, and come to the containers from there.
/// <https://kubernetes.io/docs/concepts/storage/volumes/#image>
///
/// # Errors
/// If the node has not the image: the runner pulls nothing.
pub fn images(manifest: &Manifest, containerd: &Containerd, cri: &Cri) -> Result<BTreeMap<String, Source>> {
    let find = |reference: &String, policy: Option<&str>| {
        ensure!(policy != Some("Always"), "the runner pulls nothing, so it cannot pull {reference} always");
        cri.image(reference)?;
        if containerd.mounts_images() {
            return Ok(Source::Image(reference.clone()));
        }
        containerd.mount(reference).map(Source::Path)
    };
    let source = |volume: &Volume| {
        let image = volume.image.as_ref()?;
        let found = find(&image.reference, image.pull_policy.as_deref());
        let found = found.with_context(|| format!("volume {}", volume.name));
        Some(found.map(|source| (volume.name.clone(), source)))
    };
    manifest.pod.spec.volumes.iter().filter_map(source).collect()
}

/// Has those volumes follow whose source is in the cluster.
///
/// # Errors
/// If a source is not there. What comes before it is up to date then.
pub fn sync(manifest: &Manifest, facts: &Facts, tokens: &mut Tokens, home: &Path) -> Result<()> {
    for volume in &manifest.pod.spec.volumes {
        if volume.is_projected() {
            one(manifest, facts, tokens, volume, home).with_context(|| format!("volume {}", volume.name))?;
        }
    }
    Ok(())
}

fn one(manifest: &Manifest, facts: &Facts, tokens: &mut Tokens, volume: &Volume, home: &Path) -> Result<PathBuf> {
    let group = manifest.pod.spec.security_context.fs_group;
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
    writer::write(&payload(manifest, facts, tokens, volume)?, &path, group)?;
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
