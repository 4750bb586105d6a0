//! Starts a program as a runtime would, and as no runtime should: in new namespaces, with streams closed, signals
//! pending, system calls refused.

use crate::cgroup::Cgroup;
use crate::process::Process;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns};
use nix::sys::ptrace;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, raise, signal, sigprocmask};
use nix::unistd::{Pid, chdir, chroot, close, dup2_raw, setpgid, write};
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What the child does between `clone` and `execve`. It must not allocate: other threads may hold the allocator's lock.
type Step = Box<dyn Fn() -> nix::Result<()>>;

/// A program about to be started.
pub struct Launch {
    program: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    namespaces: CloneFlags,
    steps: Vec<Step>,
    /// The program, if it is to be started where its path cannot be followed
    opened: Option<File>,
}

impl Launch {
    /// `program` with its path as only argument, no environment, this process's streams, and no signal ignored.
    ///
    /// # Panics
    /// If the path has a NUL byte.
    pub fn new(program: &Path) -> Self {
        let program = CString::new(program.as_os_str().as_bytes()).expect("a path without NUL");
        let arguments = vec![program.clone()];
        Self { program, arguments, environment: vec![], namespaces: CloneFlags::empty(), steps: vec![], opened: None }
    }

    /// # Panics
    /// If `argument` has a NUL byte.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(CString::new(argument).expect("an argument without NUL"));
        self
    }

    /// Calls the program by another name than its path.
    ///
    /// # Panics
    /// If the name has a NUL byte.
    #[must_use]
    pub fn called(mut self, name: &str) -> Self {
        self.arguments[0] = CString::new(name).expect("a name without NUL");
        self
    }

    /// Sets a variable of the program's environment.
    ///
    /// # Panics
    /// If it has a NUL byte.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push(CString::new(format!("{name}={value}")).expect("a variable without NUL"));
        self
    }

    /// # Panics
    /// If the path has a NUL byte.
    #[must_use]
    pub fn in_directory(self, directory: &Path) -> Self {
        let directory = CString::new(directory.as_os_str().as_bytes()).expect("a path without NUL");
        self.step(move || chdir(directory.as_c_str()))
    }

    #[must_use]
    pub fn with_umask(self, mask: libc::mode_t) -> Self {
        self.step(move || {
            // SAFETY: umask(2) takes no pointer, and cannot fail.
            unsafe { libc::umask(mask) };
            Ok(())
        })
    }

    /// Makes it another user's, with this group and, unless it is none, one more.
    ///
    /// # Panics
    /// If the program is not there.
    #[must_use]
    pub fn as_user(mut self, user: u32, group: u32, supplementary: Option<u32>) -> Self {
        // Opened by this one: the directories it is in may be closed to the other.
        let path = Path::new(OsStr::from_bytes(self.program.as_bytes()));
        self.opened = Some(File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        // The system calls themselves: the C library's functions would have all threads follow, which are not here.
        self.step(move || {
            let groups = supplementary.as_slice();
            // SAFETY: setgroups(2) reads `groups`, the others take no pointer.
            unsafe {
                Errno::result(libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()))?;
                Errno::result(libc::syscall(libc::SYS_setresgid, group, group, group))?;
                Errno::result(libc::syscall(libc::SYS_setresuid, user, user, user)).map(drop)
            }
        })
    }

    /// Leaves root these capabilities, by their numbers in `capabilities(7)`, and no other.
    #[must_use]
    pub fn with_capabilities(self, kept: &'static [libc::c_int]) -> Self {
        self.step(move || {
            let last = 40; // CAP_CHECKPOINT_RESTORE
            for capability in (0..=last).filter(|capability| !kept.contains(capability)) {
                // SAFETY: prctl(2) takes no pointer here.
                Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability) })?;
            }
            Ok(())
        })
    }

    /// Makes the program the leader of a process group of its own.
    #[must_use]
    pub fn in_own_group(self) -> Self {
        self.step(|| setpgid(Pid::from_raw(0), Pid::from_raw(0)))
    }

    /// Makes the program PID 1 of a new PID namespace.
    #[must_use]
    pub fn as_pid_1(mut self) -> Self {
        self.namespaces |= CloneFlags::CLONE_NEWPID;
        self
    }

    #[must_use]
    pub fn closed(self, fd: RawFd) -> Self {
        self.step(move || close(fd))
    }

    /// Puts `to` in the place of `fd`.
    #[must_use]
    pub fn redirected(self, fd: RawFd, to: OwnedFd) -> Self {
        // SAFETY: `fd` is a number in the child, owned by nobody there, and stays open for the program.
        self.step(move || unsafe { dup2_raw(&to, fd) }.map(std::mem::forget))
    }

    /// Leaves `signal` pending, so that it is there before the program's first instruction.
    #[must_use]
    pub fn pending(self, signal: Signal) -> Self {
        self.step(move || {
            sigprocmask(SigmaskHow::SIG_BLOCK, Some(&SigSet::from(signal)), None)?;
            raise(signal)
        })
    }

    /// Has the kernel answer system call `number` with `errno`, as a seccomp profile would.
    #[must_use]
    pub fn refused(self, number: libc::c_long, errno: Errno) -> Self {
        self.step(move || refuse(number, errno))
    }

    #[must_use]
    pub fn limited(self, resource: Resource, limit: u64) -> Self {
        self.step(move || setrlimit(resource, limit, limit))
    }

    /// Puts the program into a control group.
    ///
    /// # Panics
    /// If the group is gone.
    #[must_use]
    pub fn in_cgroup(self, group: &Cgroup) -> Self {
        let file = File::options().write(true).open(group.processes_file()).expect("the group is there");
        self.step(move || write(&file, b"0").map(drop))
    }

    /// Makes `directory` all that the program can see of the file system, and nothing of it writable.
    ///
    /// # Panics
    /// If the path has a NUL byte.
    #[must_use]
    pub fn in_read_only_root(self, directory: &Path) -> Self {
        self.rooted(directory, MsFlags::MS_RDONLY)
    }

    /// Makes `directory` all that the program can see of the file system.
    ///
    /// # Panics
    /// If the path has a NUL byte.
    #[must_use]
    pub fn in_root(self, directory: &Path) -> Self {
        self.rooted(directory, MsFlags::empty())
    }

    fn rooted(mut self, directory: &Path, flags: MsFlags) -> Self {
        self.namespaces |= CloneFlags::CLONE_NEWNS;
        let root = CString::new(directory.as_os_str().as_bytes()).expect("a path without NUL");
        self.step(move || {
            let (root, none) = (root.as_c_str(), None::<&str>);
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
            mount(Some(root), root, none, MsFlags::MS_BIND, none)?;
            mount(none, root, none, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags, none)?;
            chroot(root)?;
            chdir("/")
        })
    }

    /// Has the program see `file` where `path` is, which nobody else does.
    ///
    /// # Panics
    /// If a path has a NUL byte.
    #[must_use]
    pub fn with_file(mut self, path: &Path, file: &Path) -> Self {
        self.namespaces |= CloneFlags::CLONE_NEWNS;
        let [path, file] =
            [path, file].map(|path| CString::new(path.as_os_str().as_bytes()).expect("a path without NUL"));
        self.step(move || {
            let none = None::<&str>;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
            mount(Some(file.as_c_str()), path.as_c_str(), none, MsFlags::MS_BIND, none)
        })
    }

    /// Gives the program a user namespace in which it is nobody.
    #[must_use]
    pub fn in_user_namespace(mut self) -> Self {
        self.namespaces |= CloneFlags::CLONE_NEWUSER;
        self
    }

    /// Puts the program into a network namespace, which this keeps open.
    #[must_use]
    pub fn in_network(self, namespace: File) -> Self {
        self.step(move || setns(&namespace, CloneFlags::CLONE_NEWNET))
    }

    /// Stops the program at `execve`, for this thread to trace.
    #[must_use]
    pub fn traced(self) -> Self {
        self.step(ptrace::traceme)
    }

    fn step(mut self, step: impl Fn() -> nix::Result<()> + 'static) -> Self {
        self.steps.push(Box::new(step));
        self
    }

    /// # Errors
    /// If the kernel makes no process. A child that cannot start the program exits with 127.
    pub fn spawn(self) -> nix::Result<Process> {
        let flags = self.namespaces.bits() | libc::SIGCHLD;
        let (arguments, environment) = (pointers(&self.arguments), pointers(&self.environment));
        // SAFETY: like fork(2), without a new stack or shared memory.
        match unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) } {
            -1 => Err(Errno::last()),
            0 => {
                let started = default_signals().and_then(|()| self.steps.iter().try_for_each(|step| step()));
                if started.is_ok() {
                    // SAFETY: strings and arrays that end with NUL and null, and outlive the call.
                    unsafe {
                        match &self.opened {
                            Some(program) => {
                                libc::fexecve(program.as_raw_fd(), arguments.as_ptr(), environment.as_ptr())
                            }
                            None => libc::execve(self.program.as_ptr(), arguments.as_ptr(), environment.as_ptr()),
                        }
                    };
                }
                // SAFETY: ends the child and nothing of the parent's.
                unsafe { libc::_exit(127) }
            }
            pid => Process::new(Pid::from_raw(i32::try_from(pid).expect("the kernel's pid_t"))),
        }
    }
}

/// As execve(2) wants them.
fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
}

/// Rust's runtime ignores SIGPIPE, and what is ignored stays so in the program that `execve` starts.
fn default_signals() -> nix::Result<()> {
    // SAFETY: the default action runs no code.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.map(drop)
}

/// seccomp(2): one comparison on the number, this machine's architecture taken for granted.
fn refuse(number: libc::c_long, errno: Errno) -> nix::Result<()> {
    let instruction = |code: u32, jump_if_false: u8, value: u32| libc::sock_filter {
        code: u16::try_from(code).expect("a BPF opcode"),
        jt: 0,
        jf: jump_if_false,
        k: value,
    };
    let number = u32::try_from(number).expect("a system call's number");
    let mut filter = [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0), // seccomp_data.nr
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, number),
        instruction(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ERRNO | (errno as u32)),
        instruction(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    // SAFETY: prctl(2) copies the filter; both outlive the calls.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    // SAFETY: as above.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) }).map(drop)
}

/// A pipe's reading and writing end, for no other program to inherit.
///
/// # Errors
/// If the process has no descriptors left.
pub fn pipe() -> nix::Result<(OwnedFd, OwnedFd)> {
    nix::unistd::pipe2(OFlag::O_CLOEXEC)
}
