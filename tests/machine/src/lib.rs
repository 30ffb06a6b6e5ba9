//! Machines that boot the operating system, as `os/build -c os/configurations/test.nix netboot` makes it.
//!
//! Each machine of a test is a value: it is off when the test ends, and if the test failed the log of its
//! console stays, in a folder that the error names. All deadlines are scaled by [`osvm::Deadline`].
//!
//! ```text
//!   image    kernel, initrd and root.squashfs; a machine that boots them
//!   pool     a disk with a pool of osctl, and containers on it
//! ```
#![forbid(unsafe_code)]

pub mod image;
pub mod pool;

pub use image::{Image, booted, up};
