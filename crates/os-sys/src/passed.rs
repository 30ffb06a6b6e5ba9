//! Descriptors that a program was started with.

use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// Takes the descriptors from number 3 on that this program was started with, in their order up to the
/// first number that is not open, and marks them close-on-exec. Call it before anything else is opened;
/// the second call gets none.
pub fn passed_descriptors() -> Vec<OwnedFd> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Vec::new();
    }
    // SAFETY: takes numbers only, and fails for a number that is not open.
    let mark = |fd: RawFd| unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } == 0;
    let open = (3..).take_while(|fd| mark(*fd));
    // SAFETY: the number is open, was given to this program by its parent, and is taken only once.
    open.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect()
}
