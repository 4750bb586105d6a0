//! ppc64le: the ELFv2 ABI has the stack frame and the TOC pointer, the kernel's syscall64-abi.rst the registers.

use core::arch::{asm, naked_asm};
use linux_raw_sys::general::__NR_exit;

/// The first instruction: the kernel leaves `argc`, `argv` and a null pointer at the stack pointer, and this address in
/// r12. `main` may save its link register above its own frame, which is in `argv` unless there is a frame between.
///
/// # Safety
/// Only the kernel may jump here, with its initial stack, aligned to 16 bytes as the ABI wants it.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "addis 2, 12, .TOC.-_start@ha",
        "addi 2, 2, .TOC.-_start@l",
        "addi 3, 1, 16",
        "stdu 1, -32(1)",
        "bl {main}",
        "li 0, {exit}",
        "sc",
        main = sym crate::main,
        exit = const __NR_exit,
    )
}

/// Each answers with the call's `int`, or the negative error: the kernel's own is positive, with the summary overflow
/// bit to tell it from a result.
///
/// # Safety
/// What the call's manual page asks of its arguments.
#[inline]
pub unsafe fn syscall0(number: u32) -> i32 {
    let result;
    // SAFETY: the caller's promise; the kernel writes r3 to r12 and what else a function may, but no lr.
    unsafe {
        asm!("sc", "bns+ 2f", "neg 3, 3", "2:", inlateout("r0") number as usize => _, lateout("r3") result,
            lateout("r4") _, lateout("r5") _, lateout("r6") _, lateout("r7") _, lateout("r8") _, lateout("r9") _,
            lateout("r10") _, lateout("r11") _, lateout("r12") _, lateout("cr0") _, lateout("ctr") _, lateout("xer") _,
            options(nostack));
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
        asm!("sc", "bns+ 2f", "neg 3, 3", "2:", inlateout("r0") number as usize => _, in("r3") a, lateout("r3") result,
            inlateout("r4") b => _, inlateout("r5") c => _, lateout("r6") _, lateout("r7") _, lateout("r8") _,
            lateout("r9") _, lateout("r10") _, lateout("r11") _, lateout("r12") _, lateout("cr0") _, lateout("ctr") _,
            lateout("xer") _, options(nostack));
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
        asm!("sc", "bns+ 2f", "neg 3, 3", "2:", inlateout("r0") number as usize => _, in("r3") a, lateout("r3") result,
            inlateout("r4") b => _, inlateout("r5") c => _, inlateout("r6") d => _, lateout("r7") _, lateout("r8") _,
            lateout("r9") _, lateout("r10") _, lateout("r11") _, lateout("r12") _, lateout("cr0") _, lateout("ctr") _,
            lateout("xer") _, options(nostack));
    }
    result
}
