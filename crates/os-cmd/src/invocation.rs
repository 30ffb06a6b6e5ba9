//! What to run: program, arguments, streams, deadline.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Long enough for anything that only asks or changes metadata.
const DEFAULT_DEADLINE: Duration = Duration::from_mins(1);

/// A listing of a pool with very many datasets fits several times over.
const DEFAULT_OUTPUT_LIMIT: usize = 64 << 20;

/// What the program reads.
#[derive(Debug, Default)]
pub enum Input {
    /// Nothing.
    #[default]
    Null,
    /// These bytes, then end of file.
    Bytes(Vec<u8>),
    /// An open file, pipe or socket.
    Fd(OwnedFd),
}

/// One run of a program, as data.
///
/// *Shape*: `Display` shows program and arguments as they would be typed into a shell.
#[derive(Debug)]
pub struct Invocation {
    pub(crate) program: String,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) stdin: Input,
    pub(crate) deadline: Duration,
    pub(crate) output_limit: usize,
    pub(crate) cancel: Option<OwnedFd>,
}

impl Invocation {
    /// A program by its name, for example `btrfs`, or by its absolute path. Deadline: 60 s.
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            stdin: Input::default(),
            deadline: DEFAULT_DEADLINE,
            output_limit: DEFAULT_OUTPUT_LIMIT,
            cancel: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args
            .extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets what the program reads.
    #[must_use]
    pub fn stdin(mut self, input: Input) -> Self {
        self.stdin = input;
        self
    }

    /// Sets how long it may take.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets how much output is held at most. *Units*: bytes.
    #[must_use]
    pub fn output_limit(mut self, limit: usize) -> Self {
        self.output_limit = limit;
        self
    }

    /// Sets a descriptor that ends the program, with its whole process group, as soon as it is readable
    /// or hung up. Applies to [`crate::Runner::run`].
    #[must_use]
    pub fn cancel_on(mut self, fd: OwnedFd) -> Self {
        self.cancel = Some(fd);
        self
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        for arg in &self.args {
            write!(f, " {}", shell_word(&arg.to_string_lossy()))?;
        }
        Ok(())
    }
}

/// The text as one word of a shell command.
pub fn shell_word(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) {
        arg.to_owned()
    } else {
        format!("'{}'", arg.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_can_be_typed() {
        let i = Invocation::new("a").args(["-x", "b c", "", "it's"]);
        assert_eq!(i.to_string(), r"a -x 'b c' '' 'it'\''s'");
    }
}
