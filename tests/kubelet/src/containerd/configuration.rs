//! What containerd is told, in the words of its version.

use crate::debian::Programs;
use anyhow::Result;
use std::path::Path;

/// A file that has all in `home`, and `pause` under every pod.
///
/// # Errors
/// If containerd does not tell its version.
pub fn text(home: &Path, programs: &Programs, pause: &str) -> Result<String> {
    let plugins = programs.plugins();
    let (home, plugins) = (home.display(), plugins.display());
    let one = programs.is_containerd_1()?;
    // Since 2.0 CRI's images and its runtime are plugins of their own.
    let version = if one { 2 } else { 3 };
    let [images, runtime] = if one {
        ["io.containerd.grpc.v1.cri"; 2]
    } else {
        ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]
    };
    let image = if one {
        format!("[plugins.\"{images}\"]\nsandbox_image = \"{pause}\"")
    } else {
        format!("[plugins.\"{images}\".pinned_images]\nsandbox = \"{pause}\"\n[plugins.\"{runtime}\"]")
    };
    let bin_dir = if one { format!("bin_dir = \"{plugins}\"") } else { format!("bin_dirs = [\"{plugins}\"]") };
    // `restrict_oom_score_adj`, `disable_apparmor`: a root with fewer rights than a node's may not set either.
    Ok(format!(
        r#"version = {version}
root = "{home}/root"
state = "{home}/state"
[grpc]
address = "{home}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{home}/opt"
{image}
restrict_oom_score_adj = true
disable_apparmor = true
netns_mounts_under_state_dir = true
[plugins."{runtime}".cni]
{bin_dir}
conf_dir = "{home}/net.d"
[plugins."{runtime}".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."{runtime}".containerd.runtimes.runc.options]
Root = "{home}/runc"
"#
    ))
}
