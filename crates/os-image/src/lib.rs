//! Means: images of containers.
//!
//! ```text
//!   distribution's tarball ─┐                        image.tar
//!   directory ─────────────────┼─ import, build ──>  ┌────────────────┐ ── Archive::open ──> ImageInfo
//!   mmdebstrap, busybox ────┘                     │ metadata.toml  │ ── verify
//!                                                 │ rootfs.tar.zst │ ── Archive::root ─> unpack
//!                                                 └────────────────┘
//! ```
//!
//! An image is one file (ADR-10). Its metadata come first and name every part with size and SHA-256;
//! the SHA-256 of the metadata is what identifies the image. A part is checked while it is read, so
//! what was made of it counts only when it has been read to its end.
//!
//! What this is not: it knows no pools, no containers and no network. Unpacking trusts nothing in the
//! archive, but what keeps it in its place is the process it runs in: `os-helper unpack` gives it a
//! user namespace, an idmapped mount and limits.
//!
//! Invariants:
//!
//! - nothing is bounded by what a header says: entries, bytes and metadata are counted;
//! - no path of an archive is followed: components are opened one by one, never through a symlink;
//! - an archive is written whole or not at all, and who is killed meanwhile leaves nothing behind.
//!
//! Start reading at `metadata.rs`, then `archive/reader.rs`, `entries.rs` (tars of strangers) and
//! `unpack.rs`. What attacks it is in `tests/hostile`.
#![forbid(unsafe_code)]

pub mod archive;
pub mod build;
mod entries;
pub mod import;
pub mod metadata;
pub mod repository;
pub mod unpack;

pub use archive::{Archive, ArchiveError, Identity, WriteError};
pub use entries::TarError;
pub use metadata::{Metadata, MetadataError, Part, PartFormat};
pub use unpack::{Limits, Report, UnpackError, inspect, unpack};
