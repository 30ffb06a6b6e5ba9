//! Domain: live containers. Starts, stops, freezes, enters and watches them, and finds them again
//! after the daemon was restarted.
//!
//! [`Runtime`] owns everything that this needs: the control groups, LXC's programs, the table of
//! live containers, the thread that waits for the end of processes, and the socket of LXC's hooks.
//! Its callers describe a container with a [`ContainerSpec`]; they decide *whether* something is
//! done, in which order, and how it is journaled. This crate knows nothing of plans, operations,
//! pools' files or HTTP.
//!
//! Invariants:
//!
//! - The kernel is the truth. A container runs if its init, known by pidfd and start time, has not
//!   ended; it is frozen if `cgroup.events` says so. The table caches which process that is.
//! - A state changes only along an edge of the drawing in `state.rs`.
//! - Signals go through pidfds only. A number read from a file becomes a [`Process`] first, which
//!   compares the start time.
//! - Each wait has a deadline, names what it waits for, and ends soon after [`Operation::is_cancelled`]
//!   becomes true.
//! - At most one operation changes a container at a time: the caller holds its lock.
//!
//! ```text
//!   runtime          Runtime: what it owns, and its reading functions
//!   state            the drawn state machine
//!   containers       the table of live containers; applies transitions
//!   spec             ContainerSpec, StopTarget: what callers tell about a container
//!   operation        Operation: progress and cancellation of the caller
//!   start            from a stopped container to a running init
//!     start/prepare      control groups and directories
//!     start/lxc_config   the configuration of LXC and of the helper
//!   stop             from a running container to none of its processes
//!   freeze           freezing and thawing
//!   recover          the table after a restart of the daemon
//!   exits            containers that ended by themselves, until somebody attended to them
//!   reaper           the thread that waits for the end of processes
//!   hook_socket      the socket that LXC's hooks connect to
//!   log_watch        wakes a start when LXC writes to its log
//!   hook             the administrator's hook scripts
//!   guest, enter     work and commands inside a running guest
//!   readiness        whether a guest has finished booting
//!   record, seccomp  files in the container's runtime directory
//!   process          facts of a process, from /proc
//!   programs         lxc-start and os-helper
//! ```
//!
//! Where to start reading: `state.rs`, then `start.rs`.
#![forbid(unsafe_code)]

mod containers;
mod enter;
mod exits;
mod failure;
mod freeze;
mod guest;
mod hook;
mod hook_socket;
mod log_watch;
mod operation;
mod process;
mod programs;
mod readiness;
mod reaper;
mod record;
mod recover;
mod runtime;
mod seccomp;
mod shutdown_signal;
mod spec;
mod start;
mod state;
mod stop;

pub use self::containers::LiveContainer;
pub use self::containers::{Exited, StateChange};
pub use self::enter::{Entering, Entry};
pub use self::exits::ExitQueue;
pub use self::guest::log_report;
pub use self::hook::run_scripts;
pub use self::operation::{Operation, Unattended};
pub use self::process::Process;
pub use self::programs::helper_program;
pub use self::record::recorded_cgroup;
pub use self::runtime::{Runtime, Setup};
pub use self::seccomp::check as check_seccomp_policy;
pub use self::spec::{ContainerPaths, ContainerSpec, StopTarget};
