//! What the kernel tells of a TCP socket, and is told, that no library has a call for.

#![expect(unsafe_code, reason = "the C library is asked")]

use std::os::fd::{AsFd, AsRawFd};

/// How much of what it has sent the other side's kernel has not acknowledged, in bytes; 0 when that cannot be told. What has
/// been acknowledged is where somebody may read it.
pub fn unacknowledged(socket: impl AsFd) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: SIOCOUTQ of tcp(7), which has TIOCOUTQ's number, writes one int, and there is one.
    let told = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if told == 0 { usize::try_from(bytes).unwrap_or_default() } else { 0 }
}

/// Has a listener hear of a connection with its first bytes, or after so many seconds without any; 0 is at once. Where a
/// kernel knows no such thing, it is at once.
pub fn defer_accept(listener: impl AsFd, seconds: u8) {
    let seconds = libc::c_int::from(seconds);
    let (level, name, length) = (libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, size_of::<libc::c_int>());
    let length = libc::socklen_t::try_from(length).unwrap_or_default();
    // SAFETY: it reads one int, and there is one.
    let _ = unsafe { libc::setsockopt(listener.as_fd().as_raw_fd(), level, name, (&raw const seconds).cast(), length) };
}
