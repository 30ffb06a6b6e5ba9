//! The memory allocator of the C library, which Rust programs use.

use std::io;

use crate::SysError;

/// Makes all threads allocate from one arena. To be called first thing in `main`.
///
/// By default each of many threads gets an arena of its own that keeps what it once needed: a
/// daemon whose threads mostly wait for disks pays for that with several times its memory.
///
/// *Source*: `mallopt(3)`, `M_ARENA_MAX`.
pub fn use_one_arena() -> Result<(), SysError> {
    // SAFETY: `mallopt` takes two plain numbers and keeps no pointer.
    let done = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    if done == 1 {
        Ok(())
    } else {
        let error = io::Error::from(io::ErrorKind::Unsupported);
        Err(SysError::new("limit the arenas of", "malloc", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_accepted() {
        use_one_arena().unwrap();
    }
}
