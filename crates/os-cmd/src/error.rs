//! Why a program did not do what was asked.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use os_types::{Code, Explain};

/// Failure of a program. `command` is the program with its arguments, quoted for a shell.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No directory of the search path has it.
    #[error("program {program} is not installed (looked in {})", join(searched))]
    NotFound {
        /// The program.
        program: String,
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// It exists but did not start.
    #[error("cannot run `{command}`")]
    NotStarted {
        /// What was to run.
        command: String,
        /// Why not.
        source: os_sys::SpawnError,
    },
    /// It did not end, or its stream did not move, in time; its process group was killed.
    #[error("`{command}` did not end within {}s and was killed{}", after.as_secs_f32(), tail(stderr))]
    TimedOut {
        /// What ran.
        command: String,
        /// The deadline.
        after: Duration,
        /// The tail of its standard error.
        stderr: String,
    },
    /// The caller cancelled it; its process group was killed.
    #[error("`{command}` was cancelled")]
    Cancelled {
        /// What ran.
        command: String,
    },
    /// It ended with a status other than 0, or by a signal.
    #[error("`{command}` failed ({status}){}", tail(stderr))]
    Failed {
        /// What ran.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The tail of its standard error.
        stderr: String,
    },
    /// It wrote more than the caller is ready to hold; it was killed.
    #[error("`{command}` wrote more than {limit} bytes")]
    TooMuchOutput {
        /// What ran.
        command: String,
        /// The bound.
        limit: usize,
    },
    /// A pipe to it or the watch over it broke; it was killed.
    #[error("lost contact with `{command}`")]
    Exchange {
        /// What ran.
        command: String,
        /// What the kernel said.
        source: io::Error,
    },
}

impl CommandError {
    /// The tail of standard error; empty where there is none.
    pub fn stderr(&self) -> &str {
        match self {
            Self::TimedOut { stderr, .. } | Self::Failed { stderr, .. } => stderr,
            _ => "",
        }
    }
}

fn tail(stderr: &str) -> String {
    let text = stderr.trim();
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

fn join(paths: &[PathBuf]) -> String {
    let texts: Vec<_> = paths.iter().map(|p| p.display().to_string()).collect();
    texts.join(":")
}

impl Explain for CommandError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound { .. } => Code::NotFound,
            Self::TimedOut { .. } => Code::Deadline,
            Self::NotStarted { .. }
            | Self::Failed { .. }
            | Self::TooMuchOutput { .. }
            | Self::Exchange { .. } => Code::Program,
            Self::Cancelled { .. } => Code::Cancelled,
        }
    }
}
