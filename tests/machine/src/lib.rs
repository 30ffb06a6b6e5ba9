//! Machines that boot the operating system, as `os/build -c os/configurations/test.nix netboot` makes it.
//!
//! Each machine of a test is a value: it is off when the test ends, and if the test failed the log of its
//! console stays, in a directory that the error names. All deadlines are scaled by [`osvm::Deadline`].
//!
//! ```text
//!   image    kernel, initrd and root.squashfs; a machine that boots them
//!   state    where a test begins whose point is not the boot
//!   pool     a disk with a pool of osctl, and containers on it
//! ```
#![forbid(unsafe_code)]

pub mod image;
pub mod pool;
pub mod state;

use std::time::Duration;

use anyhow::Result;
use osvm::{Deadline, Machine};

pub use image::{Image, booted, up};
pub use state::{with_pool, with_services};

/// A serial line takes a while for what is said at once.
const TOLD: Deadline = Deadline::Scaled(Duration::from_secs(10));

/// Whether the console says all of this; of a machine that is off, whether it has said it.
///
/// # Errors
/// With the first part that it does not say.
pub fn says(vm: &mut Machine, parts: &[&str]) -> Result<()> {
    for part in parts {
        vm.wait_for_console(part, TOLD)?;
    }
    Ok(())
}
