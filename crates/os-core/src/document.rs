//! What the configuration files of a pool hold: one type a file, schema first, defaults left out.

pub mod container;
pub mod group;
pub mod id_range;
pub mod mark;
mod migrate;
pub mod part;
pub mod pool;
pub mod remembered;
pub mod user;

pub use container::ContainerDoc;
pub use group::GroupDoc;
pub use id_range::IdRangeDoc;
pub use mark::HostMark;
pub use os_store::Document;
pub use part::{Holds, Inherited};
pub use pool::PoolDoc;
pub use remembered::{AllocatedIds, PoolIds, RememberedIds, UserIds};
pub use user::{UserBlock, UserDoc};

/// The text of a document's file.
pub fn text<T: Document>(document: &T) -> String {
    os_store::document::render(document)
        .expect("every value of our documents is a text, a 32-bit number or a list of those")
}

pub(crate) const fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls skip_serializing_if with a reference"
)]
pub(crate) const fn is_true(value: &bool) -> bool {
    *value
}

#[cfg(test)]
mod tests;
