//! arm64: AAPCS64 and binfmt_elf.c have the initial stack, syscall(2) the registers.

use core::arch::{asm, naked_asm};
use linux_raw_sys::general::__NR_exit;

/// The first instruction: the kernel leaves `argc`, `argv` and a null pointer at the stack pointer.
///
/// # Safety
/// Only the kernel may jump here, with its initial stack, aligned to 16 bytes as `sp` must be.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "add x0, sp, 16",
        "bl {main}",
        "mov w8, {exit}",
        "svc 0",
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
    let result;
    // SAFETY: the caller's promise; the kernel writes x0 alone.
    unsafe {
        asm!("svc 0", in("w8") number, lateout("w0") result, options(nostack));
    }
    result
}

/// # Safety
/// As [`syscall0`].
#[inline]
pub unsafe fn syscall3(number: u32, a: usize, b: usize, c: usize) -> i32 {
    let result;
    // SAFETY: as in `syscall0`.
    unsafe {
        asm!("svc 0", in("w8") number, in("x0") a, in("x1") b, in("x2") c, lateout("w0") result, options(nostack));
    }
    result
}

/// # Safety
/// As [`syscall0`].
#[inline]
pub unsafe fn syscall4(number: u32, a: usize, b: usize, c: usize, d: usize) -> i32 {
    let result;
    // SAFETY: as in `syscall0`.
    unsafe {
        asm!("svc 0", in("w8") number, in("x0") a, in("x1") b, in("x2") c, in("x3") d, lateout("w0") result,
            options(nostack));
    }
    result
}
