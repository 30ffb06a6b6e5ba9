//! Means: everything written inside a guest.
//!
//! A guest's files belong to its root, who may be hostile: `/etc` may be a symlink to `/`,
//! `/etc/hosts` a pipe, a disk full, and all of it may change while we look. So two fences stand
//! around each write. The caller is `os-helper guest`, a process that has only the ids of
//! the guest's root, and this crate resolves each path within the root that it is given, never follows
//! a last component, reads regular files of a bounded size, and writes by a new file beside the old
//! one.
//!
//! ```text
//!   dress      name and resolvers of a guest, file by file
//!     hosts      /etc/hosts: names on the lines of the loopback addresses    pure
//!     hostname   the files of each distribution that hold its name          pure
//!     variable   NAME=value in a file of shell variables                    pure
//!     resolv     /etc/resolv.conf                                           pure
//!   wall       a message to logged-in users
//!     utmp       who is logged in                                           pure
//!   file       one file of a root, read and replaced without trust
//! ```
//!
//! Invariants: a file whose owner may not write it is never touched (the guest's way to keep its own,
//! `chmod u-w`); a file is replaced only if its contents change; a file that cannot be written is
//! reported, and does not prevent others.
//!
//! What this crate is not: it enters no guest, starts no process, and has no deadline; the
//! caller of the helper has one, because a file system of the guest may never answer.
#![forbid(unsafe_code)]

mod dress;
mod file;
mod hostname;
mod hosts;
mod resolv;
mod utmp;
mod variable;
mod wall;

pub use self::dress::{dress, kernel_name};
pub use self::wall::tell;
