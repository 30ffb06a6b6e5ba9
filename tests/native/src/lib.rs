//! Tests of the whole system on this host; see `tests/`. Here is what they share.
#![forbid(unsafe_code)]

pub mod world;

pub use world::World;
