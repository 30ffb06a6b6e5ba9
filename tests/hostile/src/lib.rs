//! Tests with archives and guests that mean harm; see `tests/`. Here is what they share: tars as an
//! attacker writes them, images of them, a sandbox with a pool, and canaries that must not change.
#![forbid(unsafe_code)]

pub mod canary;
pub mod elf;
pub mod exec;
pub mod guest;
pub mod image;
pub mod tarball;

pub use canary::Canaries;
pub use guest::Guests;
pub use image::{Made, image_of};
pub use tarball::Tarball;
