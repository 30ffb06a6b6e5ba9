//! Our marked lines in a host file: `/etc/passwd`, `/etc/group`, `/etc/subuid`, `/etc/subgid`.
//!
//! ```text
//! root:x:0:0:root:/root:/bin/bash
//! # osctl begin (managed by osctld, do not edit)
//! tank.alice:x:100000:...
//! # osctl end
//! ```
//!
//! In subuid and subgid each of our lines has a tag beside it, since useradd sorts those files and
//! pulls the lines out of their frame; the next change here puts them back.
//!
//! Everything outside the markers belongs to the host and is left alone to the byte. A change holds
//! the locks that useradd, passwd and systemd-sysusers take, so neither side loses an entry.

mod shadow_lock;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::atomic::{self, Attributes, Temporary};
use crate::error::{Action, FileError};
use crate::folder::Entry;
use os_types::{Code, Explain};
use shadow_lock::ShadowLock;
use text::{Style, Text};

/// The line before our lines.
pub const BEGIN: &str = "# osctl begin (managed by osctld, do not edit)";
/// The line after our lines.
pub const END: &str = "# osctl end";

/// For a file that does not exist yet, as /etc/subuid on a host without subordinate ids.
const NEW_FILE: Attributes = Attributes::mode(0o644).owned_by(0, 0);

/// Why a block cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The markers do not frame one block.
    #[error("{}:{line}: {damage}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        damage: Damage,
    },
    /// A line to write that is empty, a comment, or holds a control byte (a space in subuid).
    #[error("cannot put the line {line:?} into {}", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line.
        line: String,
    },
    /// Another program kept the file locked.
    #[error("{} was held{} for longer than {} s", lock.display(), by(*holder), patience.as_secs_f32())]
    Busy {
        /// The lock in the way.
        lock: PathBuf,
        /// The process holding it, where the lock tells.
        holder: Option<u32>,
        /// How long it was waited for.
        patience: Duration,
    },
}

impl Explain for BlockError {
    fn code(&self) -> Code {
        match self {
            Self::File(error) => error.code(),
            Self::Busy { .. } => Code::Deadline,
            Self::Damaged { .. } | Self::BadLine { .. } => Code::Damaged,
        }
    }

    fn next(&self) -> Option<String> {
        (self.code() == Code::Damaged).then(|| "osctl activate".to_owned())
    }
}

fn by(holder: Option<u32>) -> String {
    holder.map_or_else(String::new, |pid| format!(" by the process {pid}"))
}

impl BlockError {
    /// Whether lines of osctl stand outside the markers, or have none: no line of anybody else is in
    /// doubt.
    fn is_stray(&self) -> bool {
        let damage = |damage: &Damage| *damage == Damage::Outside;
        matches!(self, Self::Damaged { damage: found, .. } if damage(found))
    }
}

/// What is wrong with the markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A begin marker without its end.
    #[error("the osctl block begins here and has no end")]
    NoEnd,
    /// An end marker without its begin.
    #[error("an osctl block ends here that has no begin")]
    NoBegin,
    /// A second begin marker.
    #[error("a second osctl block begins here")]
    Second,
    /// A line that is almost a marker.
    #[error("an altered marker of the osctl block")]
    Altered,
    /// A line of osctl outside the block.
    #[error("a line of osctl outside its block")]
    Outside,
    /// Bytes inside the block that are not UTF-8.
    #[error("a line of the osctl block is not UTF-8")]
    NotUtf8,
}

/// The lines of our block; empty if there is no block or no file.
pub fn read(path: &Path) -> Result<Vec<String>, BlockError> {
    let content = content(&real_path(path)?)?;
    Ok(parse(path, &content)?.lines)
}

/// What the file says outside our block: the lines of everybody else.
///
/// *Shape*: the text of the file as it would be without a block; bytes that are not UTF-8 are
/// replaced.
pub fn outside(path: &Path) -> Result<String, BlockError> {
    let content = content(&real_path(path)?)?;
    let rest = parse(path, &content)?.with_lines(&[]);
    Ok(String::from_utf8_lossy(&rest).into_owned())
}

/// The whole file with these lines in the block, each once.
fn with_lines(path: &Path, text: &Text, mut lines: Vec<String>) -> Result<Vec<u8>, BlockError> {
    // The same line twice says nothing more, and one that lost its frame is found by its text.
    let mut seen = BTreeSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    let bad = lines
        .iter()
        .find(|line| !text::is_allowed(style(path), line));
    match bad {
        Some(line) => Err(BlockError::BadLine {
            path: path.to_owned(),
            line: line.clone(),
        }),
        None => Ok(text.with_lines(&lines)),
    }
}

/// Tells whether a line of an account file is ours by what it says. Needed where the markers around
/// our lines are damaged or gone.
pub type IsOurs<'a> = &'a dyn Fn(&str) -> bool;

/// A file, divided into our lines and those of everybody else.
#[derive(Debug)]
pub struct Parts {
    /// Our lines.
    pub lines: Vec<String>,
    /// The text of the file as it would be without a block; bytes that are not UTF-8 are replaced.
    pub outside: String,
    /// What is wrong with the markers. Then our lines are those that say so themselves.
    pub damage: Option<BlockError>,
}

/// Divides a file; one that does not exist is empty.
///
/// # Errors
/// When the file cannot be read. Damaged markers are no error, see [`Parts::damage`].
pub fn parts(path: &Path, is_ours: IsOurs<'_>) -> Result<Parts, BlockError> {
    let content = content(&real_path(path)?)?;
    let (text, damage) = divide(path, &content, is_ours);
    let outside = String::from_utf8_lossy(&text.with_lines(&[])).into_owned();
    Ok(Parts {
        lines: text.lines,
        outside,
        damage,
    })
}

/// Our lines and the rest, by the markers; if they are damaged or gone, by what the lines say.
fn divide(path: &Path, content: &[u8], is_ours: IsOurs<'_>) -> (Text, Option<BlockError>) {
    let salvage = |damage| {
        let text = Text::salvage(style(path), content, is_ours);
        (text, Some(damage))
    };
    match parse(path, content) {
        Err(damage) => salvage(damage),
        Ok(text) => match text.stray(content, is_ours) {
            None => (text, None),
            Some(line) => salvage(BlockError::Damaged {
                path: path.to_owned(),
                line,
                damage: Damage::Outside,
            }),
        },
    }
}

/// What to do about damaged markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// Do not change the file, so that an administrator can inspect it.
    Refuse,
    /// Take out all markers and all lines that are ours, and write a new block.
    Rebuild,
}

/// A file and the lines that its block is to consist of.
pub type Wanted<'a> = (&'a Path, Vec<String>);

/// Makes the blocks of several files in one directory consist of exactly these lines. All locks are
/// taken before the first file is written, and all files are written beside the old ones before the
/// first is renamed; a rename that fails puts back what was renamed. So a user is either in all files
/// or in none.
///
/// *Shape*: mode and owner of a file stay; a symlink is resolved and its target replaced. A block that
/// comes into being is appended to its file; a block without lines is removed with its markers. Lines of
/// osctl outside the markers, which a person has removed, come into the block again. Files that say
/// what is wanted are not written.
///
/// # Errors
/// When a lock, a file or its markers ([`Repair::Refuse`]) do not allow it. Then nothing is changed.
///
/// # Blocking
/// Waits up to `patience` for each of the locks and then for the disk.
pub fn set_all(
    wanted: &[Wanted<'_>],
    is_ours: IsOurs<'_>,
    repair: Repair,
    patience: Duration,
) -> Result<(), BlockError> {
    let paths: Vec<&Path> = wanted.iter().map(|(path, _)| *path).collect();
    let _lock = ShadowLock::acquire(&paths, patience)?;
    let mut writes = Vec::new();
    for (path, lines) in wanted {
        let real = real_path(path)?;
        let existing = content(&real)?;
        let (text, damage) = divide(path, &existing, is_ours);
        match damage {
            Some(error) if repair == Repair::Refuse && !error.is_stray() => return Err(error),
            _ => {}
        }
        let new = with_lines(path, &text, lines.clone())?;
        if new != existing {
            writes.push((attributes(&real)?, real, existing, new));
        }
    }
    let folder = writes.first().and_then(|(_, real, ..)| real.parent());
    if let Some(folder) = folder {
        atomic::sweep(folder)?;
    }
    let entries = writes.iter().map(|(_, real, ..)| Entry::locate(real));
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    let new = entries.iter().zip(&writes);
    let new = new.map(|(entry, (attributes, _, _, new))| Temporary::file(entry, new, *attributes));
    let new = new.collect::<Result<Vec<_>, _>>()?;
    for (done, file) in new.into_iter().enumerate() {
        if let Err(error) = file.rename() {
            for (attributes, real, existing, _) in writes.iter().take(done).rev() {
                // The first error says more than one of these could.
                drop(atomic::replace(real, existing, *attributes));
            }
            return Err(error.into());
        }
    }
    // Mostly one directory: /etc.
    let folders: BTreeMap<_, _> = entries
        .iter()
        .map(|entry| (entry.folder.path(), &entry.folder))
        .collect();
    for folder in folders.values() {
        folder.sync()?;
    }
    Ok(())
}

fn parse(path: &Path, content: &[u8]) -> Result<Text, BlockError> {
    Text::parse(style(path), content).map_err(|(line, damage)| BlockError::Damaged {
        path: path.to_owned(),
        line,
        damage,
    })
}

/// Shadow knows its files by name too.
fn style(path: &Path) -> Style {
    match path.file_name().and_then(OsStr::to_str) {
        Some("subuid" | "subgid") => Style::Tagged,
        _ => Style::Framed,
    }
}

fn content(real: &Path) -> Result<Vec<u8>, FileError> {
    Ok(atomic::read(real)?.unwrap_or_default())
}

/// Where the file really is: on some hosts /etc files are symlinks, and replacing the link would
/// part the host from its file. Root alone can write there, so following is safe.
fn real_path(path: &Path) -> Result<PathBuf, FileError> {
    match fs::canonicalize(path) {
        Ok(real) => Ok(real),
        Err(error) if error.kind() == io::ErrorKind::NotFound => real_folder(path),
        Err(error) => Err(FileError::new(Action::Open, path, error)),
    }
}

/// The path with its directory resolved and its last component as given.
fn real_folder(path: &Path) -> Result<PathBuf, FileError> {
    let fail = |error| FileError::new(Action::Open, path, error);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(fail(io::ErrorKind::InvalidInput.into()));
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    Ok(fs::canonicalize(folder).map_err(fail)?.join(name))
}

fn attributes(real: &Path) -> Result<Attributes, FileError> {
    match fs::symlink_metadata(real) {
        Ok(file) => Ok(Attributes::mode(file.mode() & 0o7777).owned_by(file.uid(), file.gid())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(NEW_FILE),
        Err(error) => Err(FileError::new(Action::Read, real, error)),
    }
}

#[cfg(test)]
mod tests;
