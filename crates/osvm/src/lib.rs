//! Virtual machines for tests: one QEMU or several, as a test would like to have them.
//!
//! A [`Machine`] has a kernel, an initrd, disks, network cards, and two lines to the outside: a
//! serial console (a log to read and search, and a keyboard), and a root shell on `/dev/hvc0` by
//! which commands and files go in and out. It needs no root and touches nothing of the host: its
//! disks are files, a private [`Network`] is UNIX sockets. It runs under KVM where that really
//! works, else by translation ([`Accel`]), and every [`Deadline`] is scaled accordingly.
//!
//! ```text
//!             start, start_with                       greeted on hvc0
//!   off ────────────────────────> running ──────────────────────────> answering
//!    ^   power_cut, shut_down,     │   ^          reboot, silence         │  ^
//!    ├──── the guest turns off ────┘   └──────────────────────────────────┘  │
//!    └───────────────────────────────────────────────────────────────────────┘
//!                        resume: from a saved state, in a second
//! ```
//!
//! A boot takes twenty seconds or more under TCG. A test whose point is not the boot says by a [`Recipe`]
//! where it wants to begin, and [`Machine::resume`] starts from the state that was saved when this recipe
//! was first asked for; see `saved.rs` for what a state is, and `machine/resume.rs` for what is done so that
//! machines that resume from one state do not disturb each other.
//!
//! What the guest has to do: have `sh`, `base64`, `timeout`, `mkdir` and `rm` (coreutils or
//! busybox), a devtmpfs on `/dev`, and a shell on the line, again and again, for example
//!
//! ```sh
//! while :; do setsid sh -c 'stty raw -echo; exec bash --noediting' </dev/hvc0 >/dev/hvc0 2>&1; done
//! ```
//!
//! The `stty` makes it faster, not right: the shell may echo, prompt and edit (see `shell.rs`). With a
//! busybox see `tests/init.sh`: at a terminal it edits lines, and then a file takes minutes.
//!
//! Invariants:
//!
//! - Every wait has a deadline; when it is over the error says for what, and shows the end of the
//!   console.
//! - A machine does not outlive its [`Machine`], nor the process, however that ends.
//! - The directory of a machine is removed with it, but for its logs if the thread panics or an error
//!   that points to them was handed out.
//!
//! What it is not: it makes no images and knows little of the system inside; what tests of the
//! system want to know again and again is in `machine/waits.rs`.
//!
//! ```text
//!   machine   the machine: power, commands, files, waits; builder
//!   shell     commands over the line, whatever shell is at its other end
//!   console   the log and its end
//!   monitor   buttons and cables, by QMP
//!   network   a switch between UNIX sockets
//!   qemu      the command line
//!   recipe    what is done to a machine before its state is saved
//!   saved     the directory with saved states
//!   accel     KVM or TCG, by a real boot
//!   initrd    a cpio archive, for machines without the system
//! ```
//!
//! Start reading at `machine.rs`, then `shell.rs`.
#![forbid(unsafe_code)]

mod accel;
mod base64;
mod console;
mod deadline;
mod disk;
mod error;
mod host;
mod initrd;
mod machine;
mod monitor;
mod network;
mod qemu;
mod recipe;
mod saved;
mod shell;
mod token;

pub use self::accel::Accel;
pub use self::deadline::Deadline;
pub use self::disk::Disk;
pub use self::error::{Evidence, VmError};
pub use self::initrd::Initrd;
pub use self::machine::{Builder, Machine, Output};
pub use self::network::{Network, Nic};
pub use self::recipe::Recipe;
