//! Extended attributes: which ones a root may have.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::XattrFlags;
use rustix::io::Errno;

use super::Report;
use crate::entries::{Entry, Xattr};

/// The kernel's own limits for one value and for the list of names, bytes.
const LIMIT: usize = 65536;

/// File capabilities, capabilities(7).
const CAPABILITY: &str = "security.capability";

/// Whether a root may have the attribute. `trusted.*` and labels of security modules mean something
/// to the host that made the archive, not to a container.
pub(crate) fn is_allowed(name: &str) -> bool {
    name == CAPABILITY
        || matches!(name, "system.posix_acl_access" | "system.posix_acl_default")
        || name.starts_with("user.")
}

/// The attributes of an open file or directory.
pub(crate) fn read(file: BorrowedFd<'_>) -> rustix::io::Result<Vec<Xattr>> {
    let mut names = vec![0; LIMIT];
    let length = match rustix::fs::flistxattr(file, &mut names[..]) {
        // A file system without any.
        Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        length => length?,
    };
    names.truncate(length);
    let mut found = Vec::new();
    for name in names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        let mut value = vec![0; LIMIT];
        match rustix::fs::fgetxattr(file, name, &mut value[..]) {
            Ok(length) => value.truncate(length),
            Err(Errno::NODATA) => continue,
            Err(errno) => return Err(errno),
        }
        found.push((String::from_utf8_lossy(name).into_owned(), value));
    }
    Ok(found)
}

/// Those that a root may have, as an image has them, and how many were left out.
pub(crate) fn for_image(found: &[Xattr]) -> (Vec<Xattr>, u64) {
    let kept = found.iter().filter(|(name, _)| is_allowed(name));
    let kept: Vec<_> = kept
        .map(|(name, value)| {
            let value = value.clone();
            let value = if name == CAPABILITY {
                of_root(value)
            } else {
                value
            };
            (name.clone(), value)
        })
        .collect();
    let left_out = found.len().saturating_sub(kept.len()) as u64;
    (kept, left_out)
}

/// Sets the attributes of an entry that a root may have.
pub(super) fn apply(entry: &Entry, file: BorrowedFd<'_>, report: &mut Report) -> io::Result<()> {
    report.skipped_xattrs = report.skipped_xattrs.saturating_add(entry.lost_xattrs);
    for (name, value) in &entry.xattrs {
        if !is_allowed(name) {
            report.skipped_xattrs = report.skipped_xattrs.saturating_add(1);
            continue;
        }
        let value = if name == CAPABILITY {
            of_root(value.clone())
        } else {
            value.clone()
        };
        match rustix::fs::fsetxattr(file, name.as_str(), &value, XattrFlags::empty()) {
            Ok(()) => {}
            // The file system of the pool has none of this kind.
            Err(Errno::OPNOTSUPP) => {
                report.skipped_xattrs = report.skipped_xattrs.saturating_add(1);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// File capabilities without the root id of the namespace they were read in: revision 3 of
/// `struct vfs_ns_cap_data` (linux/capability.h) becomes revision 2. The kernel then adds the id of
/// the namespace they are written in.
pub(crate) fn of_root(mut value: Vec<u8>) -> Vec<u8> {
    const REVISION_3: u8 = 3;
    if value.len() == 24 && value.get(3) == Some(&REVISION_3) {
        value.truncate(20);
        if let Some(revision) = value.get_mut(3) {
            *revision = 2;
        }
    }
    value
}
