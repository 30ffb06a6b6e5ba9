//! A runner for tests of callers: it answers from a script.

use std::io;
use std::sync::{Mutex, PoisonError};

use crate::{CommandError, Flow, Invocation, Output, Runner, Running};

/// Answers each call with the first unused script line whose beginning matches the call.
///
/// A call that no line matches fails, so that a test never passes by accident.
#[derive(Debug, Default)]
pub struct FakeRunner {
    script: Mutex<Vec<(String, String)>>,
}

impl FakeRunner {
    /// An empty script.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line: a call that begins with `command` (as `Display` of [`Invocation`] shows it)
    /// succeeds once and prints `output`.
    #[must_use]
    pub fn expect(mut self, command: impl Into<String>, output: impl Into<String>) -> Self {
        let script = self.script.get_mut();
        let script = script.unwrap_or_else(PoisonError::into_inner);
        script.push((command.into(), output.into()));
        self
    }
}

fn unscripted(invocation: &Invocation) -> CommandError {
    CommandError::Exchange {
        command: invocation.to_string(),
        source: io::Error::other("no reply is scripted for this call"),
    }
}

impl Runner for FakeRunner {
    fn run(&self, invocation: Invocation) -> Result<Output, CommandError> {
        let command = invocation.to_string();
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let at = script
            .iter()
            .position(|(start, _)| command.starts_with(start));
        let (_, output) = at
            .map(|at| script.remove(at))
            .ok_or_else(|| unscripted(&invocation))?;
        Ok(Output {
            stdout: output.into_bytes(),
            stderr: String::new(),
        })
    }

    /// No stream is ever scripted.
    fn start(&self, invocation: Invocation, _: Flow) -> Result<Running, CommandError> {
        Err(unscripted(&invocation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_by_prefix_once() {
        let fake = FakeRunner::new().expect("zfs list", "tank\n");
        let list = || Invocation::new("zfs").args(["list", "-H"]);
        assert_eq!(fake.run(list()).unwrap().text(), "tank\n");
        fake.run(list()).unwrap_err();
    }
}
