//! The infra container of a pod: it holds the pod's namespaces, is PID 1 where they include a PID namespace, and
//! sleeps until it is told to end. `docs/pause.md` says where each byte goes and why each call is made.

#![no_std]
#![no_main]

#[cfg_attr(target_arch = "aarch64", path = "arch/aarch64.rs")]
#[cfg_attr(target_arch = "arm", path = "arch/arm.rs")]
#[cfg_attr(target_arch = "powerpc64", path = "arch/powerpc64.rs")]
#[cfg_attr(target_arch = "riscv64", path = "arch/riscv64.rs")]
#[cfg_attr(target_arch = "s390x", path = "arch/s390x.rs")]
#[cfg_attr(target_arch = "x86_64", path = "arch/x86_64.rs")]
mod arch;

use arch::{syscall0, syscall3, syscall4};
use linux_raw_sys::errno::EINTR;
use linux_raw_sys::general::{
    __NR_getpid, __NR_rt_sigaction, __NR_rt_sigprocmask, __NR_rt_sigtimedwait, __NR_write, SIG_BLOCK, SIGCHLD, SIGINT,
    SIGPIPE, SIGTERM, SIGTTOU, STDERR_FILENO, STDOUT_FILENO,
};

/// The whole program. What it returns is the exit code; every step that can fail has its own.
///
/// # Safety
/// `argument` points to `argv[1]`, as the kernel laid it out: pointers to strings up to a null pointer.
unsafe extern "C" fn main(mut argument: *const *const u8) -> i32 {
    // First of all, so that whoever ends the pod is heard, however early.
    if block_signals() != 0 {
        return 1;
    }
    if ignore_children() != 0 {
        return 2;
    }
    // SAFETY: the caller's promise.
    unsafe {
        while !(*argument).is_null() {
            if asks_for_version(*argument) {
                print(STDOUT_FILENO, concat!("pause ", env!("CARGO_PKG_VERSION"), "\n"));
                return 0;
            }
            argument = argument.add(1);
        }
    }
    if getpid() != 1 {
        print(STDERR_FILENO, "not PID 1: orphans reaped elsewhere\n");
    }
    let name = loop {
        match wait_for_signal() {
            SIGINT => break "SIGINT\n",
            SIGTERM => break "SIGTERM\n",
            INTERRUPTED => {}
            _ => return 3,
        }
    };
    print(STDERR_FILENO, name);
    0
}

/// What pause tells the kernel about signals. It begins as the kernel's `struct sigaction`; the fields that follow
/// there, `sa_restorer` and `sa_mask`, mean nothing for an ignored signal, and the two signal sets take their place.
#[repr(C)]
struct Signals {
    handler: usize,
    flags: usize,
    blocked: u64,
    awaited: u64,
}

static SIGNALS: Signals = Signals {
    handler: 1, // SIG_IGN
    flags: 0,
    // SIGPIPE and SIGTTOU come of writing a line where nobody reads, or to a terminal from the background.
    blocked: set(SIGINT) | set(SIGTERM) | set(SIGPIPE) | set(SIGTTOU),
    awaited: set(SIGINT) | set(SIGTERM),
};

/// The kernel's `sigset_t` of one signal: signal 1 is bit 0.
const fn set(signal: u32) -> u64 {
    1 << (signal - 1)
}

/// A blocked signal is kept until it is waited for, also by PID 1, which is otherwise deaf to what it does not handle.
fn block_signals() -> i32 {
    let set = &raw const SIGNALS.blocked as usize;
    // SAFETY: rt_sigprocmask(2) reads the set, and the null pointer wants no old one.
    unsafe { syscall4(__NR_rt_sigprocmask, SIG_BLOCK as usize, set, 0, size_of::<u64>()) }
}

/// With SIGCHLD ignored the kernel reaps every child as it dies, orphans included, and pause sleeps on.
fn ignore_children() -> i32 {
    let action = &raw const SIGNALS as usize;
    // SAFETY: rt_sigaction(2) reads a `struct sigaction`, no longer than `Signals`; the null pointer wants no old one.
    unsafe { syscall4(__NR_rt_sigaction, SIGCHLD as usize, action, 0, size_of::<u64>()) }
}

fn getpid() -> i32 {
    // SAFETY: getpid(2) takes nothing and cannot fail.
    unsafe { syscall0(__NR_getpid) }
}

/// The number of the awaited signal that came, or the negative number of an error.
fn wait_for_signal() -> u32 {
    let set = &raw const SIGNALS.awaited as usize;
    // SAFETY: rt_sigtimedwait(2) reads the set; the null pointers want no details and set no time limit.
    unsafe { syscall4(__NR_rt_sigtimedwait, set, 0, 0, size_of::<u64>()).cast_unsigned() }
}

/// A stop, a freeze or a debugger came between; nothing is lost, and the wait goes on.
const INTERRUPTED: u32 = EINTR.wrapping_neg();

/// Writes `text`; where nobody can read it, it is lost, and pause goes on.
fn print(fd: u32, text: &str) {
    // SAFETY: write(2) reads `text`.
    unsafe { syscall3(__NR_write, fd as usize, text.as_ptr() as usize, text.len()) };
}

/// Is it `-v`, `-V` or `--version`?
///
/// # Safety
/// `argument` is one of the initial stack's strings.
unsafe fn asks_for_version(argument: *const u8) -> bool {
    // SAFETY: each comparison reads at most four bytes, and those past a string's end only if it may go on. The
    // kernel puts the program's path and a null word behind the strings, so the last and shortest has four, too.
    unsafe {
        starts_with(argument, b"--ve") && starts_with(argument.add(4), b"rsio") && starts_with(argument.add(8), b"n\0")
            || starts_with(argument, b"-v\0")
            || starts_with(argument, b"-V\0")
    }
}

/// # Safety
/// `N` bytes can be read at `string`.
unsafe fn starts_with<const N: usize>(string: *const u8, start: &[u8; N]) -> bool {
    // SAFETY: the caller's promise.
    unsafe { *string.cast::<[u8; N]>() == *start }
}

/// Nothing here can panic, and the linker is the witness: this symbol does not exist.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    unsafe extern "C" {
        fn a_panic_is_reachable() -> !;
    }
    // SAFETY: never linked, never called.
    unsafe { a_panic_is_reachable() }
}
