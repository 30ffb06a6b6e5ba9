//! What can go wrong with a machine, and what it last said.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use os_sys::{SpawnError, SysError};

/// Why something with a machine failed.
///
/// Those that are about a machine which was running hold [`Evidence`], and show it.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// A program of the host is not installed.
    #[error("cannot find {program} on PATH; as root: apt-get install {package}")]
    ProgramMissing {
        /// What was looked for.
        program: &'static str,
        /// Debian's package that has it.
        package: &'static str,
    },
    /// A variable of the environment has a value that means nothing.
    #[error("{name}={value} means nothing; it takes {takes}")]
    Setting {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What would be understood.
        takes: &'static str,
    },
    /// A file or socket of the host.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// QEMU was not started.
    #[error("cannot start machine {machine}")]
    Start {
        /// The machine.
        machine: String,
        /// Why.
        source: SpawnError,
    },
    /// A system call.
    #[error(transparent)]
    System(#[from] SysError),
    /// The machine is on or off, and should be the other.
    #[error("machine {machine} {state}")]
    State {
        /// The machine.
        machine: String,
        /// How it is, and what to call.
        state: &'static str,
    },
    /// Something did not happen in time.
    #[error("machine {machine}: {what}, but not within {within:?}{evidence}")]
    Timeout {
        /// The machine.
        machine: String,
        /// What should have happened.
        what: String,
        /// The time it had, already scaled for the speed of the machine.
        within: Duration,
        /// What the machine last said.
        evidence: Box<Evidence>,
    },
    /// A command that should succeed did not.
    #[error("machine {machine}: `{command}` ended with {status}: {output}{evidence}")]
    CommandFailed {
        /// The machine.
        machine: String,
        /// The command.
        command: String,
        /// Its exit status; 128 and more for a signal.
        status: i32,
        /// What it wrote to standard output and standard error.
        output: String,
        /// What the machine last said.
        evidence: Box<Evidence>,
    },
    /// A command that should fail did not.
    #[error("machine {machine}: `{command}` succeeded, it should not: {output}{evidence}")]
    CommandSucceeded {
        /// The machine.
        machine: String,
        /// The command.
        command: String,
        /// What it wrote to standard output and standard error.
        output: String,
        /// What the machine last said.
        evidence: Box<Evidence>,
    },
    /// QEMU has exited although the machine was not turned off.
    #[error("machine {machine} died: {how}{evidence}")]
    MachineDied {
        /// The machine.
        machine: String,
        /// How QEMU ended, or that the kernel panicked.
        how: String,
        /// What the machine last said.
        evidence: Box<Evidence>,
    },
    /// QEMU refused a command of its monitor.
    #[error("machine {machine}: QEMU refused {command}: {answer}")]
    Monitor {
        /// The machine.
        machine: String,
        /// The command, in the words of QMP.
        command: String,
        /// QEMU's answer.
        answer: String,
    },
}

impl VmError {
    /// For `map_err`: an action on a file that failed.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }
}

/// What a machine last said on its serial console, and where all of it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The last lines.
    pub tail: String,
    /// The log; it stays when the machine is dropped.
    pub log: PathBuf,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\nthe end of its console ({}):", self.log.display())?;
        for line in self.tail.lines() {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}
