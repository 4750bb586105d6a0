//! riscv64: syscall(2) has the registers.

use core::arch::{asm, naked_asm};
use linux_raw_sys::general::__NR_exit;

/// The first instruction: the kernel leaves `argc`, `argv` and a null pointer at the stack pointer.
///
/// # Safety
/// Only the kernel may jump here, with its initial stack, aligned to 16 bytes as the psABI wants it.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "addi a0, sp, 16",
        "jal {main}",
        "li a7, {exit}",
        "ecall",
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
    // SAFETY: the caller's promise; the kernel writes a0 alone.
    unsafe {
        asm!("ecall", in("a7") number as usize, lateout("a0") result, options(nostack));
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
        asm!("ecall", in("a7") number as usize, in("a0") a, in("a1") b, in("a2") c, lateout("a0") result,
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
        asm!("ecall", in("a7") number as usize, in("a0") a, in("a1") b, in("a2") c, in("a3") d, lateout("a0") result,
            options(nostack));
    }
    result
}
