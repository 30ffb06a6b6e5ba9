//! Running a program of the host: the only way this project starts one.
//!
//! A program is named without a directory and found in a fixed search path; it gets an environment of
//! two variables (`LC_ALL=C`, so that its messages can be compared, and `PATH`), no inherited
//! descriptors, `/` as working directory, and a session of its own. Arguments are a list: there is
//! no shell in between. It ends in time or its whole process group is killed.
//!
//! ```text
//! Invocation ──run────> Output          all of stdout, tail of stderr
//!            ──start──> Running          a stream from or into the program, then finish()
//!            either ──> CommandError     names program, arguments, status, tail of stderr
//! ```
//!
//! What this crate is not: it does not interpret output, does not retry, does not know what a
//! program does, and does not keep programs alive beyond their call; what has to live on (the
//! monitor of a container) is started through `os_sys::spawn`.
//!
//! Invariants:
//!
//! - [`Runner::run`] returns within the deadline of its [`Invocation`], but for the time the kernel
//!   needs to carry out SIGKILL, for which it waits a bounded time too.
//! - A leader is reaped only after its group needs no signal any more, so a signal never hits a
//!   stranger that got the same number.
//! - Captured output is bounded; too much of it is an error, never a cut answer.
//! - Secrets go through standard input, never through arguments: arguments are in every error.
//!
//! Callers take `&dyn Runner`, so that they can be tested with [`FakeRunner`]. Start reading at
//! `invocation.rs`, then `exchange.rs`.
#![forbid(unsafe_code)]

mod error;
mod exchange;
mod fake;
mod host;
mod invocation;
pub mod os_helper;
mod running;

pub use self::error::CommandError;
pub use self::fake::FakeRunner;
pub use self::host::HostRunner;
pub use self::invocation::{Input, Invocation, shell_word};
pub use self::running::{Flow, Running};

/// Everything a program answered, if it ended with status 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// The tail of its standard error.
    pub stderr: String,
}

impl Output {
    /// Standard output as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Something that can run programs: the host, or a fake in a test.
pub trait Runner: Send + Sync + std::fmt::Debug {
    /// Runs a program to its end.
    ///
    /// *Errors*: any status but 0 is [`CommandError::Failed`].
    fn run(&self, invocation: Invocation) -> Result<Output, CommandError>;

    /// Starts a program with one stream in the caller's hand.
    ///
    /// The deadline then means: no byte moved for so long.
    fn start(&self, invocation: Invocation, flow: Flow) -> Result<Running, CommandError>;
}
