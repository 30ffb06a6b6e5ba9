//! The runner that really runs programs.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use os_sys::{Child, SpawnRequest};

use crate::exchange::Exchange;
use crate::invocation::{Input, Invocation};
use crate::{CommandError, Flow, Output, Runner, Running};

const SEARCH_PATH: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Runs programs found in a fixed search path.
#[derive(Debug, Clone)]
pub struct HostRunner {
    search: Vec<PathBuf>,
}

impl Default for HostRunner {
    fn default() -> Self {
        Self::with_search_path(SEARCH_PATH.iter().map(PathBuf::from).collect())
    }
}

impl HostRunner {
    /// Looks in `/usr/sbin:/usr/bin:/sbin:/bin`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks in these directories, first match wins; for hosts with another layout.
    pub fn with_search_path(search: Vec<PathBuf>) -> Self {
        Self { search }
    }

    /// Absolute path of a program.
    ///
    /// *Errors*: [`CommandError::NotFound`]; also for a relative path, which would escape the
    /// search path.
    pub fn find(&self, program: &str) -> Result<PathBuf, CommandError> {
        // An absolute path stays itself when it is joined; another one with a slash is a mistake.
        let is_absolute = program.starts_with('/');
        let is_name = is_absolute || !program.contains('/');
        let candidates = self.search.iter().map(|folder| folder.join(program));
        let runnable = |path: &PathBuf| {
            let meta = std::fs::metadata(path);
            meta.is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
        };
        let found = candidates.filter(|_| is_name).find(runnable);
        found.ok_or_else(|| CommandError::NotFound {
            program: program.to_owned(),
            searched: self.search.clone(),
        })
    }

    fn spawn(&self, plan: Spawning) -> Result<Child, CommandError> {
        let program = self.find(&plan.program)?;
        let path: Vec<_> = self
            .search
            .iter()
            .map(|p| p.as_os_str().to_owned())
            .collect();
        let mut request = SpawnRequest::new(program)
            .args(plan.args)
            .env("LC_ALL", "C")
            .env("PATH", path.join(&OsString::from(":")))
            .stderr(plan.stderr);
        for (name, value) in plan.env {
            request = request.env(name, value);
        }
        if let Some(fd) = plan.stdin {
            request = request.stdin(fd);
        }
        if let Some(fd) = plan.stdout {
            request = request.stdout(fd);
        }
        let command = plan.command;
        os_sys::spawn(request).map_err(|source| CommandError::NotStarted { command, source })
    }
}

/// What the child gets: our ends of the pipes stay with the caller.
struct Spawning {
    command: String,
    program: String,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    stderr: OwnedFd,
}

fn pipe(command: &str) -> Result<(io::PipeReader, io::PipeWriter), CommandError> {
    io::pipe().map_err(|source| CommandError::Exchange {
        command: command.to_owned(),
        source,
    })
}

impl Runner for HostRunner {
    fn run(&self, invocation: Invocation) -> Result<Output, CommandError> {
        let command = invocation.to_string();
        let mut exchange = Exchange::new(
            command.clone(),
            invocation.deadline,
            invocation.output_limit,
        );
        exchange.cancel_on(invocation.cancel);
        let stdin = match invocation.stdin {
            Input::Null => None,
            Input::Fd(fd) => Some(fd),
            Input::Bytes(bytes) => {
                let (read, write) = pipe(&command)?;
                exchange.feed(write, bytes)?;
                Some(read.into())
            }
        };
        let (read, stdout) = pipe(&command)?;
        exchange.capture(read)?;
        let (read, write) = pipe(&command)?;
        exchange.listen(read)?;
        let child = self.spawn(Spawning {
            command,
            program: invocation.program,
            args: invocation.args,
            env: invocation.env,
            stdin,
            stdout: Some(stdout.into()),
            stderr: write.into(),
        })?;
        exchange.finish(child)
    }

    fn start(&self, invocation: Invocation, flow: Flow) -> Result<Running, CommandError> {
        let command = invocation.to_string();
        let (read, write) = pipe(&command)?;
        let (errors, stderr) = pipe(&command)?;
        let (ours, stdin, stdout) = match flow {
            Flow::FromProgram => {
                let stdin = match invocation.stdin {
                    Input::Fd(fd) => Some(fd),
                    Input::Null | Input::Bytes(_) => None,
                };
                (OwnedFd::from(read), stdin, Some(OwnedFd::from(write)))
            }
            Flow::IntoProgram => (OwnedFd::from(write), Some(OwnedFd::from(read)), None),
        };
        let child = self.spawn(Spawning {
            command: command.clone(),
            program: invocation.program,
            args: invocation.args,
            env: invocation.env,
            stdin,
            stdout,
            stderr: stderr.into(),
        })?;
        Running::new(command, child, ours, errors, invocation.deadline)
    }
}

#[cfg(test)]
mod tests;
