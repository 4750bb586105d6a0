use crate::{WAIT, launch, trace};
use e2e::launch::pipe;
use nix::sys::ptrace;

/// At execve(2) the kernel has touched the stack: a page for the strings, and, where its randomisation puts them apart,
/// one or, seldom, two for the pointers to them; one start in 400 has these on both sides of a 2 MiB boundary, and so
/// in two page tables. What pause adds is its code page with its three page tables, and a return address.
#[test]
fn memory_is_the_code_page_and_the_stack() {
    if !e2e::is_root() {
        return;
    }
    let (mut resident, mut page_tables) = (vec![], vec![]);
    for _ in 0..60 {
        let pause = trace::start(launch().as_pid_1());
        let (before, tables_before) = (pause.resident(), pause.status("VmPTE"));
        let stack_pointer = pause.start_stack();
        ptrace::detach(pause.pid, None).unwrap();
        pause.until_in_syscall(WAIT);

        let if_first_below = |boundary| if stack_pointer.is_multiple_of(boundary) { 4 } else { 0 };
        let (return_address, its_table) = (if_first_below(4096), if_first_below(2 << 20));
        assert_eq!(pause.resident(), before + 4 + return_address, "kB resident, {before} of them at execve");
        let tables = pause.status("VmPTE");
        assert_eq!(tables, tables_before + 12 + its_table, "kB of page tables, {tables_before} of them at execve");
        resident.push(pause.resident());
        page_tables.push(tables);
    }
    assert_eq!(page_tables.iter().min(), Some(&24), "kB of page tables: {page_tables:?}");
    resident.sort_unstable();
    assert_eq!(resident[0], 8, "kB resident at best, four starts in ten: {resident:?}");
    assert!(resident[resident.len() / 2] <= 12, "kB resident as a rule: {resident:?}");
}

#[test]
fn the_wait_is_at_most_the_fifth_system_call() {
    if !e2e::is_root() {
        return;
    }
    for (launch, expected) in [(launch().as_pid_1(), 4), (launch(), 5)] {
        let (_stderr, writer) = pipe().unwrap();
        let pause = trace::start(launch.redirected(2, writer));
        let mut calls = 0;
        loop {
            if let Some(number) = trace::step(&pause) {
                calls += 1;
                if number == WAIT {
                    break;
                }
            }
        }
        assert_eq!(calls, expected, "system calls, the wait included");
    }
}
