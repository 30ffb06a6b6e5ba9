//! The archive: one tar file, metadata first, then the parts in its order.

mod checked;
mod error;
mod member;
mod reader;
mod writer;

pub use checked::Checked;
pub use error::ArchiveError;
pub use reader::Archive;
pub(crate) use writer::publish;
pub use writer::{Identity, Measure, WriteError, write};
