//! The archive: one tar file, metadata first, then the parts in its order.

mod checked;
mod member;
mod reader;
mod writer;

pub use checked::Checked;
pub use reader::{Archive, ArchiveError, verify};
pub(crate) use writer::publish;
pub use writer::{Identity, Measure, WriteError, write};
