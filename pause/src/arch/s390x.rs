//! s390x: the ELF ABI supplement has the stack frame, syscall(2) the registers.

use core::arch::{asm, naked_asm};
use linux_raw_sys::general::__NR_exit;

/// The first instruction: the kernel leaves `argc`, `argv` and a null pointer at the stack pointer. `main` may save
/// registers in the 160 bytes above its own frame, which are `argv` unless there is a frame between.
///
/// # Safety
/// Only the kernel may jump here, with its initial stack.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "la %r2, 16(%r15)",
        "aghi %r15, -160",
        "brasl %r14, {main}",
        "svc {exit}", // the number of a call below 256 fits the instruction
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
    // SAFETY: the caller's promise; the kernel writes r2 alone.
    unsafe {
        asm!("svc 0", in("r1") number as usize, lateout("r2") result, options(nostack));
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
        asm!("svc 0", in("r1") number as usize, in("r2") a, in("r3") b, in("r4") c, lateout("r2") result,
            options(nostack));
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
        asm!("svc 0", in("r1") number as usize, in("r2") a, in("r3") b, in("r4") c, in("r5") d, lateout("r2") result,
            options(nostack));
    }
    result
}
