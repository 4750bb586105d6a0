//! Memory that the program has given back to its allocator, and how much of it that keeps.

#![expect(unsafe_code, reason = "the C library is asked")]

unsafe extern "C" {
    /// Of glibc: `malloc_trim(3)`
    safe fn malloc_trim(pad: usize) -> i32;
}

/// Gives the kernel what is free. By itself the allocator does that only at the end of the heap, and after a burst
/// something small is in use there.
pub fn give_back() {
    malloc_trim(0);
}
