//! System calls as owned things: the only crate of the workspace with `unsafe`.
//!
//! Each file is one noun of the kernel: a loop device, a mount, a mount table, an extended
//! attribute, a pidfd, a lock. What is acquired is owned by a value: a descriptor by `OwnedFd`, a
//! lock by a guard, a child by [`Child`]. The exceptions are things that must outlive the process
//! (a mount, a loop device of an imported pool): they are named by plain values and given back by
//! an explicit call, so that a crash of the daemon never takes a pool away from its containers.
//!
//! What this crate is not: it knows nothing of pools, containers or cgroup layout, it keeps no
//! state, it does not log, and it starts no thread. Every function is synchronous; the few that
//! wait take a deadline.
//!
//! Invariants:
//!
//! - No raw descriptor crosses the crate's border.
//! - Every error names what was tried and on which object ([`SysError`]), and keeps the errno.
//! - What changes the calling process as a whole (its namespaces, user, working directory) is for
//!   small programs with one thread, and refuses to run where there are several; osctld does such
//!   things in a child between fork and exec ([`spawn()`]), or in `os-helper`.
//! - Every `unsafe` block does one thing and says why its preconditions hold at that place.
//!
//! Where to start reading: `loop_device.rs` for the shape of an owned thing, `spawn.rs` for the
//! dangerous part.
#![expect(
    unsafe_code,
    reason = "ioctl and pre-exec code have no safe wrapper; all of it lives here"
)]

pub mod btrfs;

mod allocator;
mod credentials;
mod error;
mod exec;
mod fault;
mod fd_passing;
mod guest;
mod host;
mod idmap_mount;
mod keyring;
mod loop_device;
mod mount;
mod mount_namespace;
mod mountinfo;
mod passed;
pub mod patience;
mod peer;
mod pidfd;
mod process_stat;
mod rlimit;
mod seccomp;
mod space;
mod spawn;
mod xattr;

pub use self::allocator::use_one_arena;
pub use self::credentials::{
    become_user, close_others_at_exec, forbid_new_privileges, reset_file_context,
    set_standard_streams,
};
pub use self::error::SysError;
pub use self::exec::exec;
pub use self::fault::kill_self;
pub use self::fd_passing::{FRAME_LIMIT, Received, receive_frame, send_frame};
pub use self::guest::{Forked, Terminal, enter_guest, fork, hostname_of, new_terminal};
pub use self::host::{boot_id, hostname};
pub use self::idmap_mount::{DetachedMount, MountUse, enter_user_namespace, user_namespace};
pub use self::keyring::new_session_keyring;
pub use self::loop_device::{LoopDevice, LoopOptions};
pub use self::mount::{Access, ReadOnlyView, bind_mount, mount_filesystem, unmount};
pub use self::mount_namespace::{
    detach_mounts, in_mount_namespace, leave_host, leave_mount_namespace, make_directory,
    mount_stage, share_mount,
};
pub use self::mountinfo::{MountEntry, MountTable};
pub use self::passed::passed_descriptors;
pub use self::peer::{PeerCredentials, peer_credentials, peer_process};
pub use self::pidfd::{PidFd, signal_of};
pub use self::process_stat::ProcessStat;
pub use self::rlimit::{highest_limit, raise_descriptors, set_limit};
pub use self::seccomp::{FilterInstruction, install_filter};
pub use self::space::{Space, space_of};
pub use self::spawn::{Child, SpawnError, SpawnRequest, spawn};
pub use self::xattr::{list_xattrs, read_xattr, remove_xattr, set_xattr};
pub use rustix::process::Signal;
