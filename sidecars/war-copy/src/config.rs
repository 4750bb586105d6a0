//! What it is asked to do, however it was asked.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use war_copy::archive::Limits;
use war_copy::digest::Digest;

pub struct Config {
    /// `DIR/.` stands for what is in DIR
    pub sources: Vec<PathBuf>,
    pub dest: PathBuf,
    /// Create `dest` if it is missing
    pub parents: bool,
    /// Unpack archives, within these limits
    pub explode: Option<Limits>,
    /// Create `dest` as a copy of SOURCE for a lone `SOURCE/.`
    pub copy_of_contents: bool,
    /// Put the files of a directory into the one that is there, instead of replacing it
    pub merge: bool,
    /// Take directories at all
    pub recursive: bool,
    pub existing: Existing,
    pub follow: Follow,
    /// Modes without the umask, owners and times
    pub preserve: bool,
    pub chown: Option<Chown>,
    /// Compute digests while copying
    pub verify: bool,
    pub expectations: Vec<Expectation>,
    pub manifest: Option<PathBuf>,
    pub sync: bool,
    pub staging: Option<PathBuf>,
    pub drain_timeout: Duration,
    pub verbose: bool,
}

/// What to do about a file that is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Replace,
    Keep,
    /// Replace it if the source is newer
    Update,
    /// Ask on stderr, and read the answer from stdin
    Ask,
}

/// Which symbolic links are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    Never,
    /// Those named as SOURCE
    Named,
    Always,
}

/// `UID:GID`, either of which may be left out: `65532`, `:1000`.
#[derive(Clone, Copy)]
pub struct Chown {
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

impl FromStr for Chown {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = |text: &str| match text {
            "" => Ok(None),
            // The last one is the kernel's word for "leave it".
            id => id.parse().ok().filter(|id| *id != u32::MAX).map(Some).ok_or("expected numbers such as `1000:1000`"),
        };
        let (uid, gid) = text.split_once(':').unwrap_or((text, ""));
        Ok(Self { uid: id(uid)?, gid: id(gid)? })
    }
}

/// What the digest of a file must be.
#[derive(Clone)]
pub struct Expectation {
    /// As the sources are named, or relative to where a source is
    pub file: PathBuf,
    pub digest: Digest,
}

impl FromStr for Expectation {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // From the right: a name may have a `=` in it, a digest may not.
        let (file, digest) = text.rsplit_once('=').ok_or("expected `FILE=HEX`")?;
        let digest = Digest::from_hex(digest.as_bytes()).ok_or("expected 64 hexadecimal digits after the `=`")?;
        Ok(Self { file: file.into(), digest })
    }
}

#[cfg(test)]
mod tests {
    use super::{Chown, Expectation};

    #[test]
    fn owners() {
        let parse = |text: &str| text.parse().map(|Chown { uid, gid }| (uid, gid));
        assert_eq!(parse("1000:100"), Ok((Some(1000), Some(100))));
        assert_eq!(parse("1000"), Ok((Some(1000), None)));
        assert_eq!(parse(":100"), Ok((None, Some(100))));
        for wrong in ["tomcat:tomcat", "-1:0", "4294967295:0", "1:2:3"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn expectations() {
        let digest = "0123456789abcdef".repeat(4);
        let expectation: Expectation = format!("a=b.war={digest}").parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(expectation.file.to_str(), Some("a=b.war"));
        assert_eq!(expectation.digest.to_string(), digest);
        for wrong in ["sample.war", "sample.war=", "sample.war=12", &format!("sample.war={digest}0")] {
            assert!(wrong.parse::<Expectation>().is_err(), "{wrong}");
        }
    }
}
