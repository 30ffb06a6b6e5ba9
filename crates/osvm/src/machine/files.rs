//! Files in and out, through the shell.
//!
//! Under TCG some ten kilobytes a second, since the kernel's driver for consoles passes on 16 bytes at
//! a time: right for configurations, logs, programs. Something larger is faster as a disk of the machine
//! ([`crate::Disk::read_only`]).

use std::path::Path;
use std::time::Duration;

use super::Machine;
use crate::{Deadline, VmError, host};

/// What goes through in one command. It is in the guest's memory several times meanwhile.
const CHUNK: usize = 1 << 18;

/// For one chunk.
const CHUNK_DEADLINE: Deadline = Deadline::Scaled(Duration::from_secs(20));

impl Machine {
    /// Makes a directory and those above it.
    pub fn mkdir_p(&mut self, folder: &str) -> Result<(), VmError> {
        self.succeeds(&format!("mkdir -p {}", quote(folder)))
            .map(drop)
    }

    /// Copies a file of the host into the machine. Its directory has to be there.
    pub fn push_file(&mut self, source: impl AsRef<Path>, target: &str) -> Result<(), VmError> {
        let source = source.as_ref();
        let contents = std::fs::read(source).map_err(VmError::file("read", source))?;
        self.write_file(target, &contents)
    }

    /// Writes a file in the machine. Its directory has to be there.
    pub fn write_file(&mut self, target: &str, contents: &[u8]) -> Result<(), VmError> {
        let target = quote(target);
        self.succeeds(&format!(": >{target}"))?;
        for chunk in contents.chunks(CHUNK) {
            let command = format!("cat >>{target}");
            let output = self.execute_with_input(&command, chunk, CHUNK_DEADLINE)?;
            if output.status != 0 {
                return Err(VmError::CommandFailed {
                    machine: self.name().to_owned(),
                    command,
                    status: output.status,
                    output: output.text(),
                    evidence: Box::new(self.evidence()),
                });
            }
        }
        Ok(())
    }

    /// Copies a file of the machine to the host.
    pub fn pull_file(&mut self, source: &str, target: impl AsRef<Path>) -> Result<(), VmError> {
        let contents = self.read_file(source)?;
        host::write(target.as_ref(), &contents)
    }

    /// Reads a file of the machine.
    pub fn read_file(&mut self, source: &str) -> Result<Vec<u8>, VmError> {
        let source = quote(source);
        // `dd` and the redirection would say "no such file" too, but end up in the contents.
        self.succeeds(&format!("cat {source} >/dev/null"))?;
        let mut contents = Vec::new();
        loop {
            let skip = contents.len() / CHUNK;
            let command = format!("dd if={source} bs={CHUNK} skip={skip} count=1 2>/dev/null");
            let chunk = self.execute(&command, CHUNK_DEADLINE)?.bytes;
            contents.extend_from_slice(&chunk);
            if chunk.len() < CHUNK {
                return Ok(contents);
            }
        }
    }
}

/// A word of the shell that stands for this text.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
