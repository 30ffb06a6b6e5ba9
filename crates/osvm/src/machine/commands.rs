//! Commands in the machine's root shell.

use std::time::{Duration, Instant};

use super::Machine;
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
        let limit = deadline.into().on(self.accel());
        self.run(command, command, input, limit, self.grace())
    }

    /// How late the guest may be with killing a command.
    fn grace(&self) -> Duration {
        Duration::from_secs(5) * self.accel().slowness()
    }

    /// Runs a command, once, and does not wait for a shell that is late.
    pub(super) fn execute_once(
        &mut self,
        command: &str,
        deadline: Deadline,
    ) -> Result<Output, VmError> {
        let limit = deadline.on(self.accel());
        let kept = self.has_failed;
        let ran = self.run(command, command, &[], limit, Duration::ZERO);
        // Being late is expected here.
        if matches!(ran, Err(VmError::Timeout { .. })) {
            self.has_failed = kept;
        }
        ran
    }

    /// Runs a script, which the log and errors call by the command that it stands for.
    fn run(
        &mut self,
        command: &str,
        script: &str,
        input: &[u8],
        limit: Duration,
        grace: Duration,
    ) -> Result<Output, VmError> {
        let began = Instant::now();
        let shell = &mut self.running()?.shell;
        let ran = shell.run(script.as_bytes(), input, limit, grace);
        self.note(command, began);
        match ran {
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

    /// Runs a command until it ends with 0; returns its output then.
    pub fn wait_until_succeeds(
        &mut self,
        command: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<String, VmError> {
        let ended = self.wait_for_status(command, deadline.into(), Wanted::Success);
        ended.map(|output| output.text())
    }

    /// Runs a command until it does not end with 0; returns how it ended then.
    pub fn wait_until_fails(
        &mut self,
        command: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<Output, VmError> {
        self.wait_for_status(command, deadline.into(), Wanted::Failure)
    }

    fn wait_for_status(
        &mut self,
        command: &str,
        deadline: Deadline,
        wanted: Wanted,
    ) -> Result<Output, VmError> {
        let patience = deadline.on(self.accel());
        // The guest gives up by itself; it is given up on only if the command hangs.
        let script = repeated(command, patience, wanted);
        let limit = patience + self.grace();
        let output = self.run(command, &script, &[], limit, self.grace())?;
        if wanted.is(output.status) {
            return Ok(output);
        }
        let Output { status, .. } = output;
        let (verb, said) = (wanted.verb(), output.text());
        let what = format!("`{command}` should {verb} (last: status {status}, {said})");
        Err(self.timeout(what, patience))
    }
}

/// How a command should end.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Success,
    Failure,
}

impl Wanted {
    fn verb(self) -> &'static str {
        match self {
            Self::Success => "succeed",
            Self::Failure => "fail",
        }
    }

    fn is(self, status: i32) -> bool {
        match self {
            Self::Success => status == 0,
            Self::Failure => status != 0,
        }
    }
}

/// A script that runs a command until it ends as wanted or the time is over, and then says and is what
/// the last one was. The loop is in the guest: an emulated one takes longer for a command that is sent to
/// it than for what most of them do.
fn repeated(command: &str, patience: Duration, wanted: Wanted) -> String {
    let seconds = patience.as_secs();
    let ends = match wanted {
        Wanted::Success => "[ $status = 0 ]",
        Wanted::Failure => "[ $status != 0 ]",
    };
    format!(
        "read now _ </proc/uptime; end=$((${{now%.*}} + {seconds}))\n\
         while :; do\n(\n{command}\n) >$0.try 2>&1; status=$?\n\
         read now _ </proc/uptime\n\
         if {ends} || [ ${{now%.*}} -ge $end ]; then break; fi\n\
         sleep 1\ndone\n\
         cat $0.try; exit $status"
    )
}
