//! arm, version 7, in ARM state, where r7 is a register like any other: syscall(2), "arm/EABI".

use core::arch::{asm, naked_asm};
use linux_raw_sys::general::__NR_exit;

/// The first instruction: the kernel leaves `argc`, `argv` and a null pointer at the stack pointer.
///
/// # Safety
/// Only the kernel may jump here, with its initial stack, aligned to 8 bytes as AAPCS32 wants it.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "add r0, sp, #8",
        "bl {main}",
        "mov r7, {exit}",
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
    // SAFETY: the caller's promise; the kernel writes r0 alone.
    unsafe {
        asm!("svc 0", in("r7") number, lateout("r0") result, options(nostack));
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
        asm!("svc 0", in("r7") number, in("r0") a, in("r1") b, in("r2") c, lateout("r0") result, options(nostack));
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
        asm!("svc 0", in("r7") number, in("r0") a, in("r1") b, in("r2") c, in("r3") d, lateout("r0") result,
            options(nostack));
    }
    result
}
