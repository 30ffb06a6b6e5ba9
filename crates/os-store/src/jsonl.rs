//! Append-only files of JSON lines, such as a journal.
//!
//! A record is there once its line is whole, newline included. What a crash tears is the last line,
//! so that one is left out and reported; an invalid line before it is damage and an error.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::atomic::{self, Attributes, set_attributes};
use crate::error::{Action, FileError};
use crate::folder::{Entry, Folder};

/// How much of the end is read at first to find the last line.
const TAIL: u64 = 16 * 1024;

/// Why a file of JSON lines cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JsonlError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line that is not the record expected.
    #[error("{}:{line}: not a valid record", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A record without a JSON form: a fault of the type.
    #[error("a record for {} has no JSON form", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

/// What a file of JSON lines holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records<T> {
    /// The records, oldest first.
    pub records: Vec<T>,
    /// How the file ends.
    pub tail: Tail,
}

/// How a file of JSON lines ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// With a whole record, or the file is empty.
    Whole,
    /// With a line (counted from 1) that was not written to its end; it is not among the records.
    Torn {
        /// The torn line.
        line: usize,
    },
}

/// Reads all records; None if there is no file.
///
/// # Errors
/// [`JsonlError::Record`] for an invalid line that is not the last, and for a last line that is
/// whole JSON but not a `T`: that was not torn by a crash but written by another program.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<Records<T>>, JsonlError> {
    let Some(content) = atomic::read(path)? else {
        return Ok(None);
    };
    let whole = content.len() - torn_length(&content);
    let (whole, torn) = content.split_at(whole);
    let mut records = Vec::new();
    for (index, line) in whole.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let record = serde_json::from_slice(line).map_err(|source| JsonlError::Record {
            path: path.to_owned(),
            line: index + 1,
            source,
        })?;
        records.push(record);
    }
    let tail = if torn.is_empty() {
        Tail::Whole
    } else {
        Tail::Torn {
            line: records.len() + 1,
        }
    };
    Ok(Some(Records { records, tail }))
}

/// A file of JSON lines open for appending. It has one writer at a time.
#[derive(Debug)]
pub struct Log {
    file: File,
    path: PathBuf,
    folder: Folder,
    /// Whether its name may not be durable yet.
    is_new: bool,
    /// The length up to the last whole record.
    length: u64,
    /// Whether a failed append may have left a piece behind that length.
    torn: bool,
}

impl Log {
    /// Opens the file, cutting a torn last line off; creates it with `attributes` if absent. A new file is
    /// durable with the first [`Log::sync`].
    pub fn open(path: &Path, attributes: Attributes) -> Result<Self, FileError> {
        let entry = Entry::locate(path)?;
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE;
        let file = entry.create(flags, Mode::RUSR | Mode::WUSR)?;
        let read = |error| entry.error(Action::Read, error);
        let length = file.metadata().map_err(read)?.len();
        // New, or created just before a crash: neither name nor attributes need be durable.
        let is_new = length == 0;
        if is_new {
            set_attributes(&file, attributes)
                .map_err(|error| entry.error(Action::SetAttributes, error))?;
        }
        let torn = torn_tail(&file, length).map_err(read)?;
        let mut log = Self {
            file,
            path: path.to_owned(),
            folder: entry.folder,
            is_new,
            length: length - torn,
            torn: torn > 0,
        };
        log.mend()?;
        Ok(log)
    }

    /// Appends records in one write, not yet durable; either all of them are there or none.
    pub fn append<T: Serialize>(&mut self, records: &[T]) -> Result<(), JsonlError> {
        let mut lines = Vec::new();
        for record in records {
            serde_json::to_writer(&mut lines, record).map_err(|source| JsonlError::Unwritable {
                path: self.path.clone(),
                source,
            })?;
            lines.push(b'\n');
        }
        self.mend()?;
        if let Err(error) = self.file.write_all(&lines) {
            self.torn = true;
            // Now if possible, so that readers see no piece; else before the next append. Either
            // way the error to report is that of the write.
            let _mended_later = self.mend();
            return Err(FileError::new(Action::Write, &self.path, error).into());
        }
        self.length += lines.len() as u64;
        Ok(())
    }

    /// Whether its name may not be durable yet.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Lets the next [`Log::sync`] make its name durable, too: the process that created the file may have been killed
    /// before it did that.
    pub fn distrust_name(&mut self) {
        self.is_new = true;
    }

    /// Makes what was appended durable.
    pub fn sync(&mut self) -> Result<(), FileError> {
        let failed = |error| FileError::new(Action::Sync, &self.path, error);
        if !self.is_new {
            return self.file.sync_data().map_err(failed);
        }
        self.file.sync_all().map_err(failed)?;
        self.folder.sync()?;
        self.is_new = false;
        Ok(())
    }

    fn mend(&mut self) -> Result<(), FileError> {
        if self.torn {
            self.file
                .set_len(self.length)
                .map_err(|error| FileError::new(Action::Write, &self.path, error))?;
            self.torn = false;
        }
        Ok(())
    }
}

/// The length of the torn last line of an open file; reads only the end.
fn torn_tail(file: &File, length: u64) -> io::Result<u64> {
    let mut window = TAIL.min(length);
    loop {
        let mut end = vec![0; usize::try_from(window).map_err(io::Error::other)?];
        file.read_exact_at(&mut end, length - window)?;
        // The last line is known once another newline stands before it.
        let last = last_line(&end);
        if last < end.len() || window == length {
            return Ok(torn_length(&end) as u64);
        }
        window = (window * 4).min(length);
    }
}

/// The length of the last line, its newline included if it has one.
fn last_line(content: &[u8]) -> usize {
    content
        .split_inclusive(|byte| *byte == b'\n')
        .next_back()
        .map_or(0, <[u8]>::len)
}

/// The length of the last line if it is torn, else 0.
fn torn_length(content: &[u8]) -> usize {
    let length = last_line(content);
    let (_, line) = content.split_at(content.len() - length);
    // Whole lines may be torn too: after a power failure a file can have its new length while
    // some of its blocks are still zeros.
    let whole = line.ends_with(b"\n") && serde_json::from_slice::<IgnoredAny>(line).is_ok();
    if whole { 0 } else { length }
}

#[cfg(test)]
mod tests;
