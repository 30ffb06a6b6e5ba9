//! Means: a container as LXC configuration, and what starts it.
//!
//! LXC does the running and stays visible (law 8); this crate says to it what to run. It is data
//! and text only: nothing here starts a process or opens a file, but for asking LXC's version. What
//! acts on it is `os-helper` (which becomes the monitor) and osctld (which answers hooks).
//!
//! ```text
//!   value      ConfigPath, Value                what a line of configuration may hold
//!   config     ContainerConfig -> text          the whole configuration, no includes
//!   distro_quirks  DistroQuirks             settings in which distributions differ
//!   seccomp    SeccompPolicy                    LXC's policy files, read and typed
//!   stage      Stage                            the directory that exists in the monitor's view only
//!   hook       HookMessage, HookAnswer          what LXC's hooks say to osctld
//!   log        errors                        why LXC gave up
//! ```
//!
//! Invariants:
//!
//! - No value of any field adds a line to the configuration or ends one early: values are checked
//!   when they are made, and a property test holds the writer to it.
//! - Nothing of `/usr/share/lxc` is included: those files differ between releases of LXC and
//!   belong to the host's administrator.
//! - The administrator's raw lines cannot change what isolates: ids, root, hooks, control groups,
//!   namespaces, logs.
//!
//! Where to start reading: `config.rs`, with the golden file under `src/config/snapshots` beside.
#![forbid(unsafe_code)]

pub mod config;
pub mod distro_quirks;
pub mod hook;
pub mod idle;
pub mod log;
pub mod seccomp;
pub mod stage;
pub mod value;

pub use self::config::{
    AppArmor, ClockOffsets, ConsoleLog, ContainerConfig, HookProgram, MountEntry, Nesting,
};
pub use self::distro_quirks::{DistroQuirks, HaltSignal};
pub use self::hook::{HookAnswer, HookMessage, HookName};
pub use self::idle::{IDLE_IN_GUEST, idle_program};
pub use self::seccomp::{SeccompAction, SeccompError, SeccompPolicy, SeccompRule};
pub use self::stage::Stage;
pub use self::value::{ConfigPath, Value, ValueError};
