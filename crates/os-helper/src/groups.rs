//! Joining control groups.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;

/// Joins the control groups whose files these are.
pub(crate) fn join_groups(groups: Vec<OwnedFd>) -> io::Result<()> {
    // "0" is the thread that writes, the only one.
    let mut groups = groups.into_iter().map(File::from);
    groups.try_for_each(|mut group| group.write_all(b"0"))
}
