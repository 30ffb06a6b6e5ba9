//! How much room a file system has.

use std::path::Path;

use crate::SysError;

/// Room of a file system. *Units*: bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Size.
    pub total: u64,
    /// Free, also for root only.
    pub free: u64,
    /// Free for everyone.
    pub available: u64,
}

/// Asks the file system that a path is on. *Source*: statvfs(3).
pub fn space_of(path: &Path) -> Result<Space, SysError> {
    let s = rustix::fs::statvfs(path).map_err(|e| SysError::path("read free space of", path, e))?;
    Ok(Space {
        total: s.f_blocks.saturating_mul(s.f_frsize),
        free: s.f_bfree.saturating_mul(s.f_frsize),
        available: s.f_bavail.saturating_mul(s.f_frsize),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_room() {
        let s = space_of(Path::new("/")).unwrap();
        assert!(s.total >= s.free && s.free >= s.available);
    }

    #[test]
    fn error_names_the_path() {
        let e = space_of(Path::new("/no/such")).unwrap_err();
        assert_eq!(e.to_string(), "cannot read free space of /no/such");
    }
}
