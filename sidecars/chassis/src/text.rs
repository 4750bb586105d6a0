//! The program's own text, and how much of it is mapped.

#![expect(unsafe_code, reason = "Rust does not know where the linker has put it")]

use rustix::mm::{Advice, madvise};
use rustix::param::page_size;
use std::ptr::from_ref;

unsafe extern "C" {
    /// Where the program begins, and where its text ends, which the linker tells.
    static __executable_start: u8;
    static etext: u8;
}

/// Unmaps all text. What runs is mapped again from the page cache, some pages at a fault; what only a start or a burst
/// takes is not.
pub fn forget() {
    // SAFETY: nothing but their addresses is taken.
    let (start, end) = unsafe { (from_ref(&__executable_start), from_ref(&etext)) };
    let size = page_size();
    let start = start.map_addr(|address| address.next_multiple_of(size));
    let length = (end.addr() & !(size - 1)).saturating_sub(start.addr());
    // SAFETY: these are whole pages of a file, mapped to be read and run. Nobody can have written to them, so they are
    // the same when they are mapped again.
    let _ = unsafe { madvise(start.cast_mut().cast(), length, Advice::LinuxDontNeed) }; // or it stays as it is
}
