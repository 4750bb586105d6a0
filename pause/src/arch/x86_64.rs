//! x86-64: psABI section 3.4.1 has the initial stack, syscall(2) the registers.

#![expect(clippy::cast_possible_truncation, reason = "every call pause makes answers with an `int`")]

use core::arch::{asm, naked_asm};
use linux_raw_sys::general::__NR_exit;

/// The first instruction: the kernel leaves `argc`, `argv` and a null pointer at the stack pointer.
///
/// # Safety
/// Only the kernel may jump here, with its initial stack, aligned to 16 bytes as `call` wants it.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "lea rdi, [rsp + 16]",
        "call {main}",
        "mov edi, eax",
        "push {exit}",
        "pop rax",
        "syscall",
        main = sym crate::main,
        exit = const __NR_exit,
    )
}

/// Each answers with the call's `int`, or the negative error.
///
/// # Safety
/// What the call's manual page asks of its arguments.
#[inline]
pub unsafe fn syscall0(number: u32) -> i32 {
    let result: i64;
    // SAFETY: the caller's promise; the kernel writes rax, rcx and r11.
    unsafe {
        asm!("syscall", inlateout("rax") i64::from(number) => result, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result as i32
}

/// # Safety
/// As [`syscall0`].
#[inline]
pub unsafe fn syscall3(number: u32, a: usize, b: usize, c: usize) -> i32 {
    let result: i64;
    // SAFETY: as in `syscall0`.
    unsafe {
        asm!("syscall", inlateout("rax") i64::from(number) => result, in("rdi") a, in("rsi") b, in("rdx") c,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result as i32
}

/// # Safety
/// As [`syscall0`].
#[inline]
pub unsafe fn syscall4(number: u32, a: usize, b: usize, c: usize, d: usize) -> i32 {
    let result: i64;
    // SAFETY: as in `syscall0`.
    unsafe {
        asm!("syscall", inlateout("rax") i64::from(number) => result, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result as i32
}
