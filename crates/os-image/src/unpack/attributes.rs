//! Extended attributes: which ones a root may have.

use std::io::{self, Read, Write};
use std::os::fd::BorrowedFd;

use rustix::fs::XattrFlags;
use rustix::io::Errno;

use super::Report;

/// The PAX key of an extended attribute (star, GNU tar, libarchive).
const PREFIX: &str = "SCHILY.xattr.";

/// File capabilities, capabilities(7).
const CAPABILITY: &str = "security.capability";

/// Whether a root may have the attribute. `trusted.*` and labels of security modules mean something
/// to the host that made the archive, not to a container.
pub(crate) fn is_allowed(name: &str) -> bool {
    name == CAPABILITY
        || matches!(name, "system.posix_acl_access" | "system.posix_acl_default")
        || name.starts_with("user.")
}

/// The attributes of an entry, as its extended header has them.
pub(crate) fn read<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    let Some(extensions) = entry.pax_extensions()? else {
        return Ok(found);
    };
    for extension in extensions {
        let extension = extension?;
        let Some(name) = extension
            .key()
            .ok()
            .and_then(|key| key.strip_prefix(PREFIX))
        else {
            continue;
        };
        found.push((name.to_owned(), extension.value_bytes().to_vec()));
    }
    Ok(found)
}

/// Those that a root may have, as an image has them.
pub(crate) fn for_image(found: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let kept = found.into_iter().filter(|(name, _)| is_allowed(name));
    kept.map(|(name, value)| {
        let value = if name == CAPABILITY {
            of_root(value)
        } else {
            value
        };
        (name, value)
    })
    .collect()
}

/// Writes attributes for the entry that follows.
pub(crate) fn write(
    builder: &mut tar::Builder<&mut dyn Write>,
    xattrs: &[(String, Vec<u8>)],
) -> io::Result<()> {
    if xattrs.is_empty() {
        return Ok(());
    }
    let keys: Vec<String> = xattrs
        .iter()
        .map(|(name, _)| format!("{PREFIX}{name}"))
        .collect();
    let pairs = keys.iter().zip(xattrs);
    builder.append_pax_extensions(pairs.map(|(key, (_, value))| (key.as_str(), value.as_slice())))
}

/// Sets the attributes of an entry that a root may have.
pub(super) fn apply<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    file: BorrowedFd<'_>,
    report: &mut Report,
) -> io::Result<()> {
    for (name, value) in read(entry)? {
        if !is_allowed(&name) || name.contains('\0') {
            report.skipped_xattrs = report.skipped_xattrs.saturating_add(1);
            continue;
        }
        let value = if name == CAPABILITY {
            of_root(value)
        } else {
            value
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
