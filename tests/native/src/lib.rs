//! Tests of the whole system on this host; see `tests/`. Here is what they share.
//!
//! ```text
//!   host     a sandbox with a pool, which most tests begin with
//!   process  facts of processes, as the kernel of the host has them
//!   waiting  waiting for facts
//!   world    everything that a command may change
//! ```
#![forbid(unsafe_code)]

pub mod host;
pub mod process;
pub mod waiting;
pub mod world;

pub use host::{NO_IMAGE, with_pool, write};
pub use waiting::{until_idle, wait_for};
pub use world::World;
