//! For tests: the real programs in a sandbox, and a check that nothing is left behind.
//!
//! A [`Sandbox`] is a root directory of its own: daemons started in it (`osctld --root`) share nothing
//! with the host or with each other, so tests run side by side. It needs root, like the daemon.
//!
//! ```text
//!   sandbox  a root directory; starts daemons, runs osctl, speaks to the socket
//!   daemon   a running osctld: kill, stop, wait for its end
//!   container  a container of it: start, exec, wait for a state
//!   image    the busybox image they are made from, built once
//!   hung_mount  a file system whose server does not answer
//!   http     one request over the socket, byte for byte
//!   random  numbers that a seed repeats
//!   private_etc  account files that only the monitor of a container sees
//!   leaks    processes, mounts, loop devices, control groups below a root
//! ```
//!
//! Dropping a sandbox takes down whatever is left; [`Sandbox::finish`] fails if anything was.
#![forbid(unsafe_code)]

pub mod container;
pub mod daemon;
pub mod http;
pub mod hung_mount;
pub mod image;
pub mod leaks;
pub mod private_etc;
pub mod random;
pub mod sandbox;

pub use container::Container;
pub use daemon::Daemon;
pub use http::Response;
pub use hung_mount::HungMount;
pub use private_etc::{PrivateEtc, TestUser};
pub use random::Random;
pub use sandbox::{Ran, Sandbox};
