//! Volumes that others write to, too. What they do happens elsewhere, and this kernel learns of it late or never.

use rustix::fs::statfs;
use std::path::Path;

/// `f_type` of their file systems: statfs(2).
const REMOTE: [u32; 14] = [
    0x6969,      // NFS
    0x517b,      // SMB
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB 2
    0x0102_1997, // 9p
    0x6573_5546, // FUSE, virtiofs
    0x00c3_6400, // Ceph
    0x4750_4653, // GPFS
    0x0bd0_0bd0, // Lustre
    0x5346_414f, // AFS
    0x7461_636f, // OCFS2
    0x0116_1970, // GFS2
    0x786f_4256, // VirtualBox
    0xbacb_acbc, // VMware
];

/// Whether changes in this directory, or to this file, can come about that inotify does not tell.
pub fn is_remote(path: &Path) -> bool {
    statfs(path).is_ok_and(|volume| is_remote_kind(i128::from(volume.f_type)))
}

/// The kind is signed on some machines and 32 bits long on some: CIFS is a negative number there.
#[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "a magic number is 32 bits of something")]
fn is_remote_kind(kind: i128) -> bool {
    REMOTE.contains(&(kind as u32))
}

#[cfg(test)]
mod tests {
    use super::{is_remote, is_remote_kind};
    use std::path::Path;

    #[test]
    fn by_its_kind_however_wide_that_is() {
        for kind in [0x6969, 0x517b, 0xff53_4d42_u32, 0xfe53_4d42, 0x4750_4653, 0x7461_636f, 0x786f_4256, 0xbacb_acbc] {
            assert!(is_remote_kind(kind.into()), "{kind:#x}");
            assert!(is_remote_kind(kind.cast_signed().into()), "{kind:#x}, of 32 bits with a sign");
        }
        for kind in [0xef53, 0x0102_1994, 0x794c_7630, 0x9123_683e_u32, 0x5846_5342, 0x9fa0] {
            assert!(!is_remote_kind(kind.into()), "{kind:#x}");
            assert!(!is_remote_kind(kind.cast_signed().into()), "{kind:#x}, of 32 bits with a sign");
        }
    }

    #[test]
    fn what_the_kernel_makes_itself_is_none() {
        assert!(!is_remote(Path::new("/proc")));
        assert!(!is_remote(Path::new("/nowhere")));
    }
}
