//! Tests of the whole system on this host; see `tests/`. Here is what they share.

pub mod world;

pub use world::World;
