//! Means: control groups below one parent, on version 2 and on hybrid hosts.
//!
//! The model is version 2: one tree, one path per group. A hybrid host (controllers of version 1
//! mounted one by one, and version 2 beside them without controllers) has the same path in several
//! *hierarchies*; a [`Tree`] keeps them in step, so that callers see one tree. What differs between
//! the versions is data, in `controller.rs` and `figures.rs`.
//!
//! ```text
//!                        v2 host                     hybrid host
//!   osctl/pool.tank/a    /sys/fs/cgroup/osctl/...    /sys/fs/cgroup/memory/osctl/...
//!                                                    /sys/fs/cgroup/cpu/osctl/...
//!                                                    /sys/fs/cgroup/unified/osctl/...
//! ```
//!
//! What this is not: it sets no limits and no device rules, and it knows nothing of containers.
//! It keeps no state but where the hierarchies are mounted, which is read once: the kernel is asked
//! each time.
//!
//! Invariants:
//!
//! - nothing outside the parent group is created, removed or killed: a [`CgroupPath`] cannot leave
//!   it. Only `cgroup.subtree_control` is written above it, to make controllers available;
//! - a group is *populated* if any hierarchy has a process in it or below it;
//! - creating, removing and killing may be repeated, and name what is left to do when they fail.
//!
//! Start reading at `tree.rs`.
#![forbid(unsafe_code)]

mod controller;
mod error;
mod figures;
mod files;
mod layout;
mod open_files;
mod path;
mod tree;

pub use controller::Controller;
pub use error::CgroupError;
pub use figures::{CpuTime, Figures};
pub use layout::{Hierarchy, Layout, Version};
pub use open_files::OpenFiles;
pub use path::{CgroupPath, PathError};
pub use tree::{Change, Presence, Tree};
