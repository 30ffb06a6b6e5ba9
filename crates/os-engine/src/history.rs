//! Reading the history of a place, newest first.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use os_types::{Failure, OpId};

use crate::journal::{Folder, JournalError, Record, list};

/// A part of a history.
#[derive(Debug, Default)]
pub struct History {
    /// Records, newest first.
    pub records: Vec<Record>,
    /// Errors of unreadable lines, with file and line.
    pub damaged: Vec<Failure>,
}

impl Folder {
    /// The newest `limit` records.
    ///
    /// Month after month, and of the last one needed no more than `limit` records are in memory.
    pub(crate) fn history(&self, limit: usize) -> Result<History, JournalError> {
        let mut history = History::default();
        for path in list(&self.history_dir())?.iter().rev() {
            let wanted = limit.saturating_sub(history.records.len());
            if wanted == 0 {
                break;
            }
            history.add_month(path, wanted)?;
        }
        Ok(history)
    }

    /// Whether the history has an operation.
    pub(crate) fn has_ended(&self, id: &OpId) -> Result<bool, JournalError> {
        // An operation does not end before the month in which it was accepted.
        let month: String = id.as_str().chars().take(6).collect();
        for path in list(&self.history_dir())?.iter().rev() {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            if stem.replace('-', "") < month {
                break;
            }
            let mut found = false;
            read(path, |record| {
                found |= record.is_ok_and(|record| record.header.id == *id);
            })?;
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl History {
    fn add_month(&mut self, path: &Path, limit: usize) -> Result<(), JournalError> {
        let mut newest = VecDeque::new();
        read(path, |record| match record {
            Ok(record) => {
                if newest.len() == limit {
                    newest.pop_front();
                }
                newest.push_back(record);
            }
            Err(error) => self.damaged.push(Failure::from(error)),
        })?;
        self.records.extend(newest.into_iter().rev());
        Ok(())
    }
}

/// Calls `each` with every line of a month; a torn last line is left out.
///
/// Line by line and not through `os_store::jsonl::read`: a month may be long, and one damaged line
/// must not hide the others.
fn read(
    path: &Path,
    mut each: impl FnMut(Result<Record, JournalError>),
) -> Result<(), JournalError> {
    let file = File::open(path).map_err(JournalError::file("open", path))?;
    let mut reader = BufReader::new(file);
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let length = reader.read_until(b'\n', &mut text);
        length.map_err(JournalError::file("read", path))?;
        if text.pop() != Some(b'\n') {
            break;
        }
        each(
            serde_json::from_slice(&text).map_err(|error| JournalError::Damaged {
                path: path.to_owned(),
                line,
                reason: error.to_string(),
            }),
        );
    }
    Ok(())
}
