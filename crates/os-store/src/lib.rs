//! Means: files that survive a crash, by one durability rule for the whole project.
//!
//! The rule: **new content reaches a name only when it is whole and on the disk**. A file is written
//! beside its target under a name beginning with [`TEMPORARY_PREFIX`], given its mode and owner,
//! synced, renamed over the target, and then the directory is synced. Readers see the old
//! content or the new one, also after a crash. An error leaves the old content and no debris; a
//! crash may leave a temporary file, which [`atomic::sweep`] removes at the next start.
//!
//! What lives here, each on top of that rule:
//!
//! - [`atomic`]: replace, remove, read, create directories and symlinks;
//! - [`document`]: typed TOML with a schema version first, migrations both ways, errors with a line;
//! - [`jsonl`]: append-only JSON lines, where a torn last line is expected and an earlier is not;
//! - [`block`]: our marked lines in a host's file (`/etc/passwd`, `/etc/subuid`), under the lock
//!   that the shadow tools take;
//! - [`lock`]: one daemon at a time, with the holder's pid for the message;
//! - [`reserve`]: reserved space for when a disk is full.
//!
//! What this is not: it knows no entity of osctl, no layout of a pool and no policy about what to do
//! with a damaged file; it reports and the caller decides.
//!
//! Invariants:
//!
//! - the last component of a path is never followed if it is a symlink, and the directory holding it
//!   is opened with `O_NOFOLLOW`. The one exception is [`block`], whose files belong to the host;
//! - every error names the path and the action that failed; a full disk can be distinguished
//!   ([`FileError::is_full`]);
//! - operations return what they changed ([`Change`]) and may be repeated.
//!
//! Everything is synchronous and may block on the disk. Start reading at [`atomic::replace`].
#![forbid(unsafe_code)]

pub mod atomic;
pub mod block;
pub mod document;
mod error;
mod folder;
pub mod jsonl;
pub mod lock;
pub mod reserve;
mod tail;
mod tree;

pub use atomic::{Attributes, Change, Owner, TEMPORARY_PREFIX};
pub use document::{Document, DocumentError};
pub use error::{Action, FileError};
pub use tail::read_end;
pub use tree::remove_tree;
