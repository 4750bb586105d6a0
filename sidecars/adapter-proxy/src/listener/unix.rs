//! A Unix socket, which is a file, too: it has a mode, and it is still there when the one who made it is not.

use super::BACKLOG;
use anyhow::{Context, Result, bail};
use rustix::fs::{Mode, chmod, fchmod};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with};
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net;
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// Its file is removed with it.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// Which file it is, by device and inode: another one may have taken its place
    file: (u64, u64),
}

impl Socket {
    /// # Errors
    /// When somebody listens there, or something is there that is no socket.
    pub fn at(path: &Path, mode: Mode) -> Result<Self> {
        make_room(path)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        // The file gets the mode of the socket less the umask, so that there is no time at which more may connect.
        fchmod(&socket, mode)?;
        let address = SocketAddrUnix::new(path)?;
        bind(&socket, &address).map_err(io::Error::from).map_err(|error| {
            let hint = match error.kind() {
                ErrorKind::NotFound => "\nhint: its directory has to be there: mount a volume on it",
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                    "\nhint: its directory has to be writable: put it on an emptyDir, with the pod's fsGroup"
                }
                _ => "",
            };
            anyhow::Error::new(error).context(format!("cannot make it{hint}"))
        })?;
        chmod(path, mode)?;
        let file = identity(&fs::symlink_metadata(path)?);
        listen(&socket, i32::try_from(BACKLOG)?)?;
        let listener = UnixListener::from_std(net::UnixListener::from(socket))?;
        Ok(Self { listener, path: path.into(), file })
    }

    pub async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }

    pub fn set_mode(&self, mode: Mode) -> io::Result<()> {
        Ok(chmod(&self.path, mode)?)
    }

    /// Its path, if its file is not there any more.
    pub fn lost(&self) -> Option<&Path> {
        let is_there = fs::symlink_metadata(&self.path).is_ok_and(|file| identity(&file) == self.file);
        (!is_there).then_some(&self.path)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.lost().is_none() {
            // If it cannot be removed the next one does it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the socket of one who was killed.
fn make_room(path: &Path) -> Result<()> {
    let Ok(file) = fs::symlink_metadata(path) else { return Ok(()) };
    if !file.file_type().is_socket() {
        bail!("there is something that is no socket\nhint: remove it, or choose another path");
    }
    // One that has too many waiting already is not waited for.
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let asking = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match connect(&asking, &SocketAddrUnix::new(path)?) {
        Err(Errno::CONNREFUSED) => fs::remove_file(path).context("cannot remove the socket of one that is gone"),
        Err(Errno::NOENT) => Ok(()),
        Ok(()) | Err(_) => bail!("somebody listens there already\nhint: choose another path, or end who has it"),
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}
