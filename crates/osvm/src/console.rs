//! The serial console: a log that grows while the machine runs, and a pipe to type into.
//!
//! QEMU writes the file itself (it is its standard output), so that no byte is lost and nothing has
//! to read along. It goes on over restarts; searches begin where the machine was last turned on.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use crate::{Evidence, VmError};

/// Lines of the console that an error shows.
const TAIL_LINES: usize = 25;

#[derive(Debug)]
pub(crate) struct Console {
    log: PathBuf,
    power_on: u64,
}

impl Console {
    pub(crate) fn new(log: PathBuf) -> Self {
        Self { log, power_on: 0 }
    }

    /// Opens the log for QEMU to append to, and begins a new search.
    pub(crate) fn turn_on(&mut self) -> Result<File, VmError> {
        let mut options = File::options();
        let file = options.create(true).append(true).open(&self.log);
        let file = file.map_err(VmError::file("make console log", &self.log))?;
        let metadata = file.metadata();
        let metadata = metadata.map_err(VmError::file("read console log", &self.log))?;
        self.power_on = metadata.len();
        Ok(file)
    }

    /// Writes a line about the machine into the log, before it is turned on. Searches do not see it.
    pub(crate) fn remark(&self, remark: &str) -> Result<(), VmError> {
        let mut options = File::options();
        let file = options.create(true).append(true).open(&self.log);
        file.and_then(|mut file| writeln!(file, "[{remark}]"))
            .map_err(VmError::file("write console log", &self.log))
    }

    /// All since the machine was last turned on; bytes that are no text are replaced.
    pub(crate) fn text(&self) -> Result<String, VmError> {
        let read = || {
            let bytes = std::fs::read(&self.log)?;
            let from = usize::try_from(self.power_on).unwrap_or(usize::MAX);
            let fresh = bytes.get(from..).unwrap_or_default();
            Ok(String::from_utf8_lossy(fresh).replace('\r', ""))
        };
        read().map_err(VmError::file("read console log", &self.log))
    }

    /// What an error shows. It cannot fail: an error of reading takes its place.
    pub(crate) fn evidence(&self) -> Evidence {
        let text = self.text().unwrap_or_else(|error| error.to_string());
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.len().saturating_sub(TAIL_LINES);
        let tail = lines.get(first..).unwrap_or_default();
        Evidence {
            tail: tail.join("\n"),
            log: self.log.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_begin_where_the_machine_was_turned_on() {
        let dir = tempfile::tempdir().unwrap();
        let mut console = Console::new(dir.path().join("console.log"));
        console.turn_on().unwrap().write_all(b"first\r\n").unwrap();
        assert_eq!(console.text().unwrap(), "first\n");
        console.turn_on().unwrap().write_all(b"second\n").unwrap();
        assert_eq!(console.text().unwrap(), "second\n");
        let all = std::fs::read_to_string(&console.log).unwrap();
        assert_eq!(all, "first\r\nsecond\n");
    }

    #[test]
    fn evidence_is_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let mut console = Console::new(dir.path().join("console.log"));
        let lines: Vec<_> = (0..100).map(|n| format!("line {n}\n")).collect();
        let lines = lines.concat();
        console
            .turn_on()
            .unwrap()
            .write_all(lines.as_bytes())
            .unwrap();
        let evidence = console.evidence();
        assert!(evidence.tail.starts_with("line 75\n") && evidence.tail.ends_with("\nline 99"));
    }
}
