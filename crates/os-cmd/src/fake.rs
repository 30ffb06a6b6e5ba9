//! A runner for tests of callers: it records what was asked and answers from a script.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{MemfdFlags, memfd_create};

use crate::{CommandError, Flow, Invocation, Output, Runner, Running};

/// What the faked program does.
#[derive(Debug, Clone)]
pub struct Reply {
    status: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Reply {
    /// It prints this and succeeds.
    pub fn ok(stdout: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 0,
            stdout: stdout.into(),
            stderr: String::new(),
        }
    }

    /// It fails with an exit code and this on standard error.
    pub fn failed(code: u8, stderr: impl Into<String>) -> Self {
        Self {
            status: i32::from(code) << 8,
            stdout: Vec::new(),
            stderr: stderr.into(),
        }
    }
}

/// Answers each call with the first unused script line whose beginning matches the call.
///
/// A call that no line matches fails, so that a test never passes by accident.
#[derive(Debug, Default)]
pub struct FakeRunner {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    script: VecDeque<(String, Reply)>,
    calls: Vec<String>,
}

impl FakeRunner {
    /// An empty script.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line: a call that begins with `command` (as `Display` of [`Invocation`] shows it) is
    /// answered once with `reply`.
    #[must_use]
    pub fn expect(self, command: impl Into<String>, reply: Reply) -> Self {
        self.lock().script.push_back((command.into(), reply));
        self
    }

    /// Every call so far, in order.
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// Script lines that were not used.
    pub fn unused(&self) -> Vec<String> {
        self.lock().script.iter().map(|(c, _)| c.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The data is whole after any panic: each critical section is one push or one removal.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(&self, invocation: &Invocation) -> Result<(String, Reply), CommandError> {
        let command = invocation.to_string();
        let mut inner = self.lock();
        inner.calls.push(command.clone());
        let matching = inner
            .script
            .iter()
            .position(|(start, _)| command.starts_with(start));
        match matching.and_then(|at| inner.script.remove(at)) {
            Some((_, reply)) => Ok((command, reply)),
            None => Err(CommandError::Exchange {
                command,
                source: io::Error::other("no reply is scripted for this call"),
            }),
        }
    }
}

impl Runner for FakeRunner {
    fn run(&self, invocation: Invocation) -> Result<Output, CommandError> {
        let (command, reply) = self.reply(&invocation)?;
        let status = ExitStatus::from_raw(reply.status);
        let stderr = reply.stderr;
        if status.success() {
            Ok(Output {
                stdout: reply.stdout,
                stderr,
            })
        } else {
            Err(CommandError::Failed {
                command,
                status,
                stderr,
            })
        }
    }

    fn start(&self, invocation: Invocation, _flow: Flow) -> Result<Running, CommandError> {
        let (command, reply) = self.reply(&invocation)?;
        let stream = memory(&reply.stdout).map_err(|source| CommandError::Exchange {
            command: command.clone(),
            source,
        })?;
        let status = ExitStatus::from_raw(reply.status);
        Ok(Running::scripted(command, stream, status, reply.stderr))
    }
}

fn memory(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("fake", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn answers_by_prefix_once_and_records() {
        let fake = FakeRunner::new()
            .expect("zfs list", Reply::ok("tank\n"))
            .expect("zfs destroy", Reply::failed(1, "busy"));
        let list = || Invocation::new("zfs").args(["list", "-H"]);
        assert_eq!(fake.run(list()).unwrap().text(), "tank\n");
        fake.run(list()).unwrap_err();
        let error = fake
            .run(Invocation::new("zfs").args(["destroy", "a b"]))
            .unwrap_err();
        assert_eq!(error.stderr(), "busy");
        assert_eq!(
            fake.calls(),
            ["zfs list -H", "zfs list -H", "zfs destroy 'a b'"]
        );
        assert!(fake.unused().is_empty());
    }

    #[test]
    fn streams_from_the_script() {
        let fake = FakeRunner::new().expect("send", Reply::ok("stream"));
        let mut running = fake
            .start(Invocation::new("send"), Flow::FromProgram)
            .unwrap();
        let mut text = String::new();
        running.read_to_string(&mut text).unwrap();
        running.finish().unwrap();
        assert_eq!(text, "stream");
    }
}
