//! Commands in the machine's root shell.

use std::time::Duration;

use super::{Machine, after};
use crate::shell::Ran;
use crate::{Deadline, VmError};

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit status; 128 and more for a signal.
    pub status: i32,
    /// What it wrote to standard output and standard error.
    pub bytes: Vec<u8>,
}

impl Output {
    /// What it wrote as text, without the newlines at its end.
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        text.trim_end_matches('\n').to_owned()
    }
}

impl Machine {
    /// Runs a command, any text for `sh`, and returns how it ended.
    ///
    /// It runs with nothing at its standard input, and is killed when its time is over; a process that it
    /// leaves in the background goes on. *Errors*: [`VmError::Timeout`] with what it wrote until
    /// then. If the guest does not even kill it, that is known some seconds later.
    pub fn execute(
        &mut self,
        command: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<Output, VmError> {
        self.execute_with_input(command, &[], deadline)
    }

    /// Runs a command with these bytes at its standard input.
    pub fn execute_with_input(
        &mut self,
        command: &str,
        input: &[u8],
        deadline: impl Into<Deadline>,
    ) -> Result<Output, VmError> {
        let accel = self.accel();
        let grace = Duration::from_secs(5) * accel.slowness();
        self.run(command, input, deadline.into().on(accel), grace)
    }

    /// Runs a command, once, and does not wait for a shell that is late.
    pub(super) fn execute_once(
        &mut self,
        command: &str,
        deadline: Deadline,
    ) -> Result<Output, VmError> {
        let limit = deadline.on(self.accel());
        let kept = self.has_failed;
        let ran = self.run(command, &[], limit, Duration::ZERO);
        // Being late is expected here.
        if matches!(ran, Err(VmError::Timeout { .. })) {
            self.has_failed = kept;
        }
        ran
    }

    fn run(
        &mut self,
        command: &str,
        input: &[u8],
        limit: Duration,
        grace: Duration,
    ) -> Result<Output, VmError> {
        let shell = &mut self.running()?.shell;
        match shell.run(command.as_bytes(), input, limit, grace) {
            Ok(Ran::Ended(status, bytes)) => Ok(Output { status, bytes }),
            Ok(Ran::Killed(bytes)) => {
                let output = Output { status: 0, bytes };
                let what = format!("`{command}` should end (it wrote: {})", output.text());
                Err(self.timeout(what, limit))
            }
            Err(fault) => {
                let what = format!("the shell should answer `{command}`");
                Err(self.fault(fault, what, limit + grace))
            }
        }
    }

    /// Runs a command that has to end with 0 within [`Deadline::COMMAND`]; returns its output.
    pub fn succeeds(&mut self, command: &str) -> Result<String, VmError> {
        self.succeeds_within(command, Deadline::COMMAND)
    }

    /// Runs a command that has to end with 0 in time; returns its output.
    pub fn succeeds_within(
        &mut self,
        command: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<String, VmError> {
        let output = self.execute(command, deadline)?;
        if output.status == 0 {
            return Ok(output.text());
        }
        Err(VmError::CommandFailed {
            machine: self.name().to_owned(),
            command: command.to_owned(),
            status: output.status,
            output: output.text(),
            evidence: Box::new(self.evidence()),
        })
    }

    /// Runs commands, one after the other, that all have to end with 0.
    pub fn all_succeed(&mut self, commands: &[&str]) -> Result<Vec<String>, VmError> {
        commands
            .iter()
            .map(|command| self.succeeds(command))
            .collect()
    }

    /// Runs a command that must not end with 0; returns how it ended.
    pub fn fails(&mut self, command: &str) -> Result<Output, VmError> {
        let output = self.execute(command, Deadline::COMMAND)?;
        if output.status != 0 {
            return Ok(output);
        }
        Err(VmError::CommandSucceeded {
            machine: self.name().to_owned(),
            command: command.to_owned(),
            output: output.text(),
            evidence: Box::new(self.evidence()),
        })
    }

    /// Runs commands, one after the other, that all must not end with 0.
    pub fn all_fail(&mut self, commands: &[&str]) -> Result<Vec<Output>, VmError> {
        commands.iter().map(|command| self.fails(command)).collect()
    }

    /// Runs a command until it ends with 0; returns its output then.
    pub fn wait_until_succeeds(
        &mut self,
        command: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<String, VmError> {
        let ended = self.wait_for_status(command, "succeed", deadline.into(), |status| status == 0);
        ended.map(|output| output.text())
    }

    /// Runs a command until it does not end with 0; returns how it ended then.
    pub fn wait_until_fails(
        &mut self,
        command: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<Output, VmError> {
        self.wait_for_status(command, "fail", deadline.into(), |status| status != 0)
    }

    fn wait_for_status(
        &mut self,
        command: &str,
        verb: &str,
        deadline: Deadline,
        is_wanted: impl Fn(i32) -> bool,
    ) -> Result<Output, VmError> {
        let patience = deadline.on(self.accel());
        let until = after(patience);
        let mut last = None;
        let found = os_sys::patience::until(patience, || {
            let left = until.saturating_duration_since(after(Duration::ZERO));
            let output = self.execute(command, Deadline::Exact(left))?;
            if is_wanted(output.status) {
                return Ok(Some(output));
            }
            last = Some(output);
            Ok::<_, VmError>(None)
        })?;
        let said = last.map_or(String::new(), |output| {
            format!(" (last: status {}, {})", output.status, output.text())
        });
        found.ok_or_else(|| self.timeout(format!("`{command}` should {verb}{said}"), patience))
    }
}
