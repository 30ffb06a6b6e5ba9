//! Unpacking a root, by a process that has no rights to lose.
//!
//! This is run by `os-helper unpack` in a user namespace with a tenant's ids, on an idmapped mount of
//! the target: whatever an archive makes it do, the kernel lets it write only what that tenant may
//! write. On top of that nothing here follows a path of the archive: each component is opened on its
//! own, never through a symlink, so that a root cannot spoil even itself by accident.
//!
//! What is kept: owners, modes with setuid bits, times, hard links, fifos, file capabilities, ACLs
//! and user attributes. Device nodes and sockets are left out and counted: a container gets its
//! devices from LXC.

pub(crate) mod attributes;
mod entry;
mod error;
mod target;

use std::ffi::OsString;
use std::io::Read;
use std::os::fd::BorrowedFd;

pub use os_helper_api::{UnpackLimits as Limits, UnpackReport as Report};

use self::entry::Common;
pub use self::error::UnpackError;
pub(crate) use self::error::printable;
use self::target::{Plain, Target};
use crate::entries::{Entries, Entry, Kind};

/// Unpacks the uncompressed tar `root` into the directory `target`, which should be empty.
///
/// Needs the owner's rights in `target` for every id of the archive: be root of a user namespace that
/// maps them. Memory grows with the number of directories, and with nothing else.
///
/// # Errors
/// With the entry that is hostile, over a limit, or could not be written. What was unpacked before
/// stays: the caller throws the target away.
pub fn unpack<R: Read>(
    root: R,
    target: BorrowedFd<'_>,
    limits: &Limits,
) -> Result<Report, UnpackError> {
    let mut target = Target::new(target);
    walk(root, limits, |entry, entries, report| {
        entry::unpack(entry, entries, &mut target, limits, report)
    })
    .and_then(|report| target.finish().map(|()| report))
}

/// Reads a root as [`unpack`] does, and writes nothing: is everything in it of a kind, in a place and
/// of a size that is allowed?
///
/// # Errors
/// As [`unpack`], except for errors that depend on the target.
pub fn inspect<R: Read>(root: R, limits: &Limits) -> Result<Report, UnpackError> {
    let mut buffer = vec![0; 64 << 10];
    walk(root, limits, |entry, entries, report| {
        let common = Common::of(entry, limits)?;
        common.check(entry)?;
        match entry.kind {
            Kind::Node => report.skipped_nodes = report.skipped_nodes.saturating_add(1),
            Kind::HardLink => common.link(entry, limits).map(drop)?,
            _ => {}
        }
        loop {
            let read = entries.read(&mut buffer)?;
            report.bytes = report.bytes.saturating_add(read as u64);
            if report.bytes > limits.bytes {
                return Err(UnpackError::TooLarge(limits.bytes));
            }
            if read == 0 {
                return Ok(());
            }
        }
    })
}

/// Hands each entry to `take`, as far as there may be so many.
fn walk<R: Read>(
    root: R,
    limits: &Limits,
    mut take: impl FnMut(&Entry, &mut Entries<R>, &mut Report) -> Result<(), UnpackError>,
) -> Result<Report, UnpackError> {
    let mut report = Report::default();
    let mut entries = Entries::new(root);
    while let Some(entry) = entries.next()? {
        report.entries = report.entries.saturating_add(1);
        if report.entries > limits.entries {
            return Err(UnpackError::TooManyEntries(limits.entries));
        }
        // A sparse file of exabytes is a few bytes of archive: do not begin with it.
        if entry.size > limits.bytes.saturating_sub(report.bytes) {
            return Err(UnpackError::TooLarge(limits.bytes));
        }
        take(&entry, &mut entries, &mut report)?;
    }
    entries.finish()?;
    Ok(report)
}

/// The components of a path of an archive, if all are plain.
pub(crate) fn plain_path(path: &[u8]) -> Result<Vec<OsString>, &'static str> {
    Plain::parse(path, Limits::default().depth).map(Plain::into_components)
}
