//! The archive: one tar file, metadata first, then the parts in its order.

mod checked;
mod reader;
mod writer;

pub use checked::Checked;
pub use reader::{Archive, ArchiveError, verify};
pub use writer::{Identity, Measure, WriteError, write};
