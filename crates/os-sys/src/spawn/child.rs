//! The child between clone and exec.
//!
//! It runs in the caller's memory while the caller's thread waits in the kernel, so it may only do what
//! signal-safety(7) allows and must leave nothing behind in memory but the errno in [`Plan::failure`].

use std::ffi::{CString, c_char, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};
use std::ptr;

/// Bytes of stack for the child, which calls nothing but system calls.
const STACK: usize = 64 << 10;

/// What the child executes.
#[derive(Debug)]
pub(super) enum Image<'a> {
    /// The file at this path.
    Path(&'a CString),
    /// The file that this descriptor is open on.
    Descriptor(RawFd),
}

/// What the child does. Everything it points to is owned by the caller of [`run`].
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) image: Image<'a>,
    /// Ends with a null pointer, as `env` does.
    pub(super) args: Vec<*const c_char>,
    pub(super) env: Vec<*const c_char>,
    /// Become the descriptors 0, 1, 2, ... of the program.
    pub(super) fds: Vec<RawFd>,
    /// The limit of descriptors of the program, if it is not that of the caller.
    pub(super) descriptors: Option<libc::rlimit>,
    /// The process whose thread the program dies with.
    pub(super) parent: Option<u32>,
    /// The errno of the step that failed.
    pub(super) failure: c_int,
}

/// The pointers of an array for exec, with the null pointer at its end.
pub(super) fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    let all = strings.iter().map(|string| string.as_ptr());
    all.chain([ptr::null()]).collect()
}

/// Makes the child, waits until it has executed its program, and returns its number and its pidfd.
pub(super) fn run(mut plan: Plan<'_>) -> io::Result<(u32, OwnedFd)> {
    // Not initialized: the kernel gives pages to what the child touches only.
    let mut stack = Vec::<MaybeUninit<u128>>::with_capacity(STACK / size_of::<u128>());
    let top = stack.spare_capacity_mut().as_mut_ptr_range().end;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let mut pidfd: c_int = -1;
    let mask = block_signals();
    // SAFETY: the child runs on a stack of its own, which grows down from `top` and lives, as the plan
    // does, until the child has left this memory: CLONE_VFORK keeps this thread waiting until then. No
    // handler runs in the child, for all signals are blocked until it has reset them. It takes no lock
    // and allocates nothing; see `child`.
    let pid = unsafe {
        libc::clone(
            child,
            top.cast(),
            flags,
            ptr::from_mut(&mut plan).cast(),
            ptr::from_mut(&mut pidfd),
        )
    };
    let error = io::Error::last_os_error();
    set_mask(&mask);
    let Ok(number) = u32::try_from(pid) else {
        return Err(error);
    };
    // SAFETY: the kernel has just opened it for us, and nothing else knows of it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    // SAFETY: the plan is initialized; a volatile read, because the child has written to it behind the
    // back of the compiler.
    match unsafe { ptr::read_volatile(&raw const plan.failure) } {
        0 => Ok((number, pidfd)),
        errno => {
            // SAFETY: a child of this process that nothing else waits for; no status is asked for.
            unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
            Err(io::Error::from_raw_os_error(errno))
        }
    }
}

/// Blocks every signal for this thread and returns the mask before.
fn block_signals() -> libc::sigset_t {
    let mut all = no_signals();
    let mut before = no_signals();
    // SAFETY: the pointer is to a set of this frame.
    unsafe { libc::sigfillset(&raw mut all) };
    // SAFETY: both pointers are to sets of this frame.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before) };
    before
}

fn set_mask(mask: &libc::sigset_t) {
    // SAFETY: the pointer is to a valid set, and no old mask is asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, ptr::null_mut()) };
}

/// The empty set.
pub(super) fn no_signals() -> libc::sigset_t {
    // SAFETY: a sigset_t is integers, for which all zeroes is a value.
    unsafe { std::mem::zeroed() }
}

extern "C" fn child(plan: *mut c_void) -> c_int {
    // SAFETY: `run` passes its plan, which lives until this process has left its memory, and does not
    // touch it meanwhile.
    let plan = unsafe { &mut *plan.cast::<Plan<'_>>() };
    plan.failure = match plan.follow() {
        Ok(()) => libc::EINVAL,
        Err(errno) => errno,
    };
    127
}

/// The errno of the last call. It does not allocate.
fn errno() -> c_int {
    io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or(libc::EIO)
}

/// What a system call answered that fails with a negative number.
fn check(answer: impl Into<i64>) -> Result<c_int, c_int> {
    let answer = answer.into();
    if answer < 0 {
        return Err(errno());
    }
    Ok(c_int::try_from(answer).unwrap_or(0))
}

impl Plan<'_> {
    /// Comes back only with the errno of the step that failed.
    fn follow(&mut self) -> Result<(), c_int> {
        reset_signals();
        // SAFETY: takes no argument; a new process leads no group, so it succeeds.
        check(unsafe { libc::setsid() })?;
        self.move_descriptors()?;
        if let Some(limit) = &self.descriptors {
            // SAFETY: a limit that lives as long as the plan; this process has limits of its own.
            check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, limit) })?;
        }
        // SAFETY: a constant string that ends with a zero.
        check(unsafe { libc::chdir(c"/".as_ptr()) })?;
        if let Some(parent) = self.parent {
            die_with(parent)?;
        }
        self.execute()
    }

    /// Moves the descriptors to their places and closes all others.
    fn move_descriptors(&mut self) -> Result<(), c_int> {
        let count = c_int::try_from(self.fds.len()).unwrap_or(c_int::MAX);
        // Out of the way first: a source may have the number of another one's place.
        let mut others = count;
        if let Image::Descriptor(fd) = &mut self.image {
            *fd = duplicate(*fd, count + 1)?;
            others += 1;
        }
        for fd in &mut self.fds {
            *fd = duplicate(*fd, count + 1)?;
        }
        if let Image::Descriptor(fd) = &mut self.image {
            // SAFETY: numbers only; what had this number before is not used by this process any more.
            check(unsafe { libc::dup3(*fd, count, libc::O_CLOEXEC) })?;
            *fd = count;
        }
        for (place, fd) in (0..).zip(&self.fds) {
            // SAFETY: as above.
            check(unsafe { libc::dup2(*fd, place) })?;
        }
        let others = others.cast_unsigned();
        // SAFETY: this process has a table of descriptors of its own (no CLONE_FILES); the caller keeps
        // its descriptors.
        check(unsafe { libc::close_range(others, libc::c_uint::MAX, 0) })?;
        Ok(())
    }

    fn execute(&self) -> Result<(), c_int> {
        let (args, env) = (self.args.as_ptr(), self.env.as_ptr());
        match self.image {
            Image::Path(path) => {
                // SAFETY: strings and arrays that live as long as the plan; the arrays end with null.
                check(unsafe { libc::execve(path.as_ptr(), args, env) })?;
            }
            Image::Descriptor(fd) => {
                let flags = libc::AT_EMPTY_PATH;
                // SAFETY: as above, and an empty path.
                check(unsafe {
                    libc::syscall(libc::SYS_execveat, fd, c"".as_ptr(), args, env, flags)
                })?;
            }
        }
        Ok(())
    }
}

/// A second descriptor of the same file, with a number of at least `least`.
fn duplicate(fd: RawFd, least: c_int) -> Result<RawFd, c_int> {
    // SAFETY: takes numbers only.
    check(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, least) })
}

/// Ignored and blocked signals survive exec. A container would hand them on to all its processes: runit
/// blocks SIGPWR in what it starts, and inits wait for that signal. SIGKILL, SIGSTOP and the two numbers
/// that libc keeps for itself refuse, which is right.
fn reset_signals() {
    for signal in 1..=64 {
        // SAFETY: SIG_DFL is a valid disposition for any number; a refused number changes nothing.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    set_mask(&no_signals());
}

fn die_with(parent: u32) -> Result<(), c_int> {
    // SAFETY: takes numbers only.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
    // The parent may have died before the request: nothing would send the signal.
    // SAFETY: takes no argument.
    if unsafe { libc::getppid() }.cast_unsigned() == parent {
        return Ok(());
    }
    Err(libc::ESRCH)
}
