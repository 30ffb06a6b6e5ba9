//! Extended attributes, never following a symlink at the end of the path.

use std::path::Path;

use rustix::fs::XattrFlags;
use rustix::io::Errno;

use crate::SysError;

/// The kernel's own limits for one value and for the list of names (`XATTR_SIZE_MAX`,
/// `XATTR_LIST_MAX`), so one buffer of this size is always enough and no size query can race.
const LIMIT: usize = 65536;

/// Enough for most. The kernel fills a buffer of its own of the size it is given.
const USUAL: usize = 512;

/// Reads a value. `None` if the attribute is not set.
pub fn read_xattr(path: &Path, name: &str) -> Result<Option<Vec<u8>>, SysError> {
    match fill(|buffer| rustix::fs::lgetxattr(path, name, buffer)) {
        Ok(value) => Ok(Some(value)),
        Err(Errno::NODATA) => Ok(None),
        Err(e) => Err(fail("read", path, name, e)),
    }
}

/// Sets a value, replacing an earlier one.
pub fn set_xattr(path: &Path, name: &str, value: &[u8]) -> Result<(), SysError> {
    rustix::fs::lsetxattr(path, name, value, XattrFlags::empty())
        .map_err(|e| fail("set", path, name, e))
}

/// Removes an attribute. `false` if it was not set.
pub fn remove_xattr(path: &Path, name: &str) -> Result<bool, SysError> {
    match rustix::fs::lremovexattr(path, name) {
        Ok(()) => Ok(true),
        Err(Errno::NODATA) => Ok(false),
        Err(e) => Err(fail("remove", path, name, e)),
    }
}

/// All names that are UTF-8, in the file system's order. `trusted.*` are shown to root only.
pub fn list_xattrs(path: &Path) -> Result<Vec<String>, SysError> {
    let names = fill(|buffer| rustix::fs::llistxattr(path, buffer))
        .map_err(|e| SysError::path("list attributes of", path, e))?;
    Ok(names
        .split(|b| *b == 0)
        .filter(|n| !n.is_empty())
        .filter_map(|n| std::str::from_utf8(n).ok().map(str::to_owned))
        .collect())
}

/// What a call writes into a buffer: a small one, and the largest if that does not do.
fn fill(call: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; USUAL];
    let len = match call(&mut buffer) {
        Err(Errno::RANGE) => {
            buffer = vec![0; LIMIT];
            call(&mut buffer)?
        }
        other => other?,
    };
    buffer.truncate(len);
    Ok(buffer)
}

fn fail(action: &'static str, path: &Path, name: &str, e: Errno) -> SysError {
    SysError::new(action, format!("attribute {name} of {}", path.display()), e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_round_trip() {
        let dir = tempfile::tempdir().unwrap();
        let name = "trusted.osctl.test";
        assert_eq!(read_xattr(dir.path(), name).unwrap(), None);
        set_xattr(dir.path(), name, b"a").unwrap();
        set_xattr(dir.path(), name, b"bc").unwrap();
        assert_eq!(read_xattr(dir.path(), name).unwrap().unwrap(), b"bc");
        assert_eq!(list_xattrs(dir.path()).unwrap(), [name]);
        assert!(remove_xattr(dir.path(), name).unwrap());
        assert!(!remove_xattr(dir.path(), name).unwrap());
    }

    #[test]
    fn root_a_long_value_is_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let value = vec![b'x'; USUAL + 1];
        set_xattr(dir.path(), "trusted.osctl.long", &value).unwrap();
        let read = read_xattr(dir.path(), "trusted.osctl.long").unwrap();
        assert_eq!(read, Some(value));
    }

    #[test]
    fn root_empty_value_is_not_unset() {
        let dir = tempfile::tempdir().unwrap();
        set_xattr(dir.path(), "trusted.osctl.e", b"").unwrap();
        assert_eq!(
            read_xattr(dir.path(), "trusted.osctl.e").unwrap(),
            Some(Vec::new())
        );
    }
}
