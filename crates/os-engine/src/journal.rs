//! The write-ahead journal of an operation and how it becomes a line of the history.
//!
//! ```text
//!   <dir>/open/<operation>.jsonl      while it runs
//!   <dir>/history/<YYYY-MM>.jsonl     one line for each that ended, by the month of its end
//!   <dir>/damaged/<operation>.jsonl   journals that could not be read
//!   <dir>/reserve                     space for when the place is full
//! ```
//!
//! # What is synced
//! In a durable place (a pool, the host's disk; the runtime directory is gone after a power loss anyway):
//!
//! - `Begin`, before the first step. It holds the whole plan; steps are idempotent and look at the
//!   world first. So recovery can take every step of a durable `Begin` for possibly applied, and the
//!   loss of unsynced lines behind it in a power loss costs nothing. (A mere death of the daemon
//!   loses no line at all: what was written is in the kernel.)
//! - `Done` of a step that was found done. It is rare, because a plan has only steps that are needed,
//!   and it is the one thing that the world cannot tell again: whether a step in its target state is ours.
//! - `Reverting`, so that what was cancelled is not finished by recovery, and each `Reverted`: where
//!   two steps changed the same object, the rollback cannot be gone twice. It is rare, too.
//! - the line of the history, before the journal is removed. If the removal is lost, recovery finds
//!   the operation in the history and removes it again.
//!
//! No file stays open between operations, so that a pool can be unmounted.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use os_store::jsonl::{self, Log};
use os_store::{Attributes, atomic, reserve};
use os_types::plan::JournalPlace;
use os_types::{Code, Explain as _, OpId};

mod error;
mod record;
pub(crate) mod step_log;

pub use error::JournalError;
pub use record::{Ending, Header, Record};

pub(crate) use record::{Begin, Line, SCHEMA};
use step_log::StepLog;

use crate::host::Outcome;

/// Only root may read journals.
const PRIVATE_FILE: Attributes = Attributes::mode(0o600);
const PRIVATE_DIR: Attributes = Attributes::mode(0o700);

/// The file that keeps space back, and how much: plans and what a few steps write.
const RESERVE: &str = "reserve";
const RESERVE_BYTES: u64 = 4 << 20;

/// The directory of the journals of operations that have not ended.
const OPEN: &str = "open";

/// Where journals are; given by the wiring.
pub trait JournalDirs: Send + Sync + 'static {
    /// The directory of a place, `None` if it is not open now. Its parent exists.
    fn dir(&self, place: &JournalPlace) -> Option<PathBuf>;
    /// The places that are open now, for looking up operations in their histories.
    fn open(&self) -> Vec<JournalPlace>;
}

/// Held while a line is added to a history, so that a torn one is cut off by itself. The files whose names
/// this daemon has made durable: one before it may have been killed between the line and that.
pub(crate) type Appending = Mutex<BTreeSet<PathBuf>>;

/// The directory of one place.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    dir: PathBuf,
    durable: bool,
    appending: Arc<Appending>,
}

/// The journal of an operation that has begun.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: Folder,
    log: Log,
    path: PathBuf,
    begin: Begin,
    step_log: StepLog,
}

/// What a journal file turned out to be.
#[derive(Debug)]
pub(crate) enum Found {
    /// A journal to continue.
    Open(Box<Journal>),
    /// Its begin is torn: nothing was done yet.
    Torn,
}

impl Folder {
    pub(crate) fn find(
        journals: &dyn JournalDirs,
        place: &JournalPlace,
        appending: &Arc<Appending>,
    ) -> Result<Self, JournalError> {
        let dir = journals.dir(place);
        Ok(Self {
            dir: dir.ok_or_else(|| JournalError::NoPlace(place.clone()))?,
            durable: *place != JournalPlace::Run,
            appending: Arc::clone(appending),
        })
    }

    pub(crate) fn history_dir(&self) -> PathBuf {
        self.dir.join("history")
    }

    /// The journals of operations that have not ended, oldest first.
    pub(crate) fn unsettled(&self) -> Result<Vec<PathBuf>, JournalError> {
        list(&self.dir.join(OPEN))
    }

    /// Makes the directories below our own.
    fn make(&self, name: &str) -> Result<(), JournalError> {
        atomic::create_dir(&self.dir, PRIVATE_DIR)?;
        atomic::create_dir(&self.dir.join(name), PRIVATE_DIR)?;
        Ok(())
    }

    /// Opens a file in the directory `name`. That is made only when it turns out to be missing, as it
    /// costs a sync.
    fn open_log(&self, name: &str, file: &str) -> Result<Log, JournalError> {
        let path = self.dir.join(name).join(file);
        match Log::open(&path, PRIVATE_FILE) {
            Err(error) if error.is_not_found() => {
                self.make(name)?;
                Ok(Log::open(&path, PRIVATE_FILE)?)
            }
            other => Ok(other?),
        }
    }

    /// Adds the end of an operation to the history.
    pub(crate) fn remember(&self, record: &Record) -> Result<(), JournalError> {
        let month = record.ending.ended.strftime("%Y-%m");
        let file = format!("{month}.jsonl");
        let path = self.history_dir().join(&file);
        let mut history;
        {
            let appending = self.appending.lock();
            let mut known = appending.unwrap_or_else(PoisonError::into_inner);
            history = self.open_log("history", &file)?;
            if !known.contains(&path) {
                history.distrust_name();
            }
            history.append(&[record])?;
            if self.durable && history.is_new() {
                // Those that append next find the file, whose name has to be durable then.
                history.sync()?;
                known.insert(path);
                return Ok(());
            }
        }
        // Outside of the lock: operations that end together share the work of the disk.
        if self.durable {
            history.sync()?;
        }
        Ok(())
    }

    /// Reserves space, so that an operation that makes room can be journaled in a full place. A place
    /// without enough free space gets no reserve.
    fn keep_reserve(&self) {
        if self.durable
            && let Err(error) = reserve::keep(&self.dir.join(RESERVE), RESERVE_BYTES)
        {
            tracing::debug!(error = os_types::chain(&error), "no space is reserved");
        }
    }

    /// Whether there was a reserve that could be given up.
    fn give_up_reserve(&self) -> bool {
        let given_up = reserve::give_up(&self.dir.join(RESERVE));
        matches!(given_up, Ok(os_store::Change::Removed))
    }

    /// Puts a journal that cannot be read aside.
    pub(crate) fn put_aside(&self, path: &Path) -> Result<PathBuf, JournalError> {
        self.make("damaged")?;
        let aside = self
            .dir
            .join("damaged")
            .join(path.file_name().unwrap_or_default());
        fs::rename(path, &aside).map_err(JournalError::file("put aside", path))?;
        Ok(aside)
    }
}

impl Journal {
    /// Begins an operation; when this returns the world may be touched.
    ///
    /// If the place is full, its reserve is given up: the operation may be one that makes room.
    pub(crate) fn begin(folder: Folder, begin: Begin) -> Result<Self, JournalError> {
        match Self::attempt(folder.clone(), begin.clone()) {
            Err(error) if error.code() == Code::NoSpace && folder.give_up_reserve() => {
                Self::attempt(folder, begin)
            }
            other => other,
        }
    }

    fn attempt(folder: Folder, begin: Begin) -> Result<Self, JournalError> {
        let file = file_name(&begin.header.id);
        let mut journal = Self {
            log: folder.open_log(OPEN, &file)?,
            path: folder.dir.join(OPEN).join(file),
            step_log: StepLog::new(begin.plan.steps.len()),
            folder,
            begin,
        };
        if let Err(error) = journal.write_begin() {
            journal.discard()?;
            return Err(error);
        }
        Ok(journal)
    }

    fn write_begin(&mut self) -> Result<(), JournalError> {
        let line = Line::Begin(Box::new(self.begin.clone()));
        self.log.append(&[line])?;
        self.sync()
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        if self.folder.durable {
            self.log.sync()?;
        }
        Ok(())
    }

    /// Reads a journal that a crash left.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] if a line other than a torn last one cannot be read.
    pub(crate) fn reopen(folder: &Folder, path: &Path) -> Result<Found, JournalError> {
        let lines = jsonl::read::<Line>(path)?;
        let mut lines = (1..).zip(lines.map(|lines| lines.records).unwrap_or_default());
        let damaged = |line, reason: &str| JournalError::Damaged {
            path: path.to_owned(),
            line,
            reason: reason.to_owned(),
        };
        let begin = match lines.next() {
            None => return Ok(Found::Torn),
            Some((_, Line::Begin(begin))) if begin.schema == SCHEMA => *begin,
            Some((line, Line::Begin(_))) => {
                return Err(damaged(line, "it is of a schema that is not known"));
            }
            Some((line, _)) => return Err(damaged(line, "it does not begin a journal")),
        };
        let mut step_log = StepLog::new(begin.plan.steps.len());
        for (number, line) in lines {
            if !step_log.enter(&line) {
                return Err(damaged(number, "it cannot stand here"));
            }
        }
        let mut log = Log::open(path, PRIVATE_FILE)?;
        log.distrust_name();
        let mut journal = Self {
            folder: folder.clone(),
            log,
            path: path.to_owned(),
            begin,
            step_log,
        };
        // Its begin is acted upon from now on.
        journal.sync()?;
        Ok(Found::Open(Box::new(journal)))
    }

    pub(crate) fn begun(&self) -> &Begin {
        &self.begin
    }

    pub(crate) fn step_log(&self) -> &StepLog {
        &self.step_log
    }

    /// Writes a line down.
    pub(crate) fn note(&mut self, line: &Line) -> Result<(), JournalError> {
        self.log.append(&[line])?;
        self.step_log.enter(line);
        match line {
            Line::Reverting { .. }
            | Line::Reverted { .. }
            | Line::Done {
                outcome: Outcome::Unchanged,
                ..
            } => self.sync(),
            _ => Ok(()),
        }
    }

    /// Takes a line into account that could not be written down.
    pub(crate) fn remember_unwritten(&mut self, line: &Line) {
        self.step_log.enter(line);
    }

    /// Writes the end into the history.
    pub(crate) fn archive(&mut self, ending: &Ending) -> Result<(), JournalError> {
        if self.step_log.end().is_none() {
            self.note(&Line::End(Box::new(ending.clone())))?;
        }
        self.folder
            .remember(&self.begin.clone().ended(ending.clone()))
    }

    /// Removes the journal. After this, recovery has nothing to do with the operation.
    ///
    /// The removal is not synced: if it is lost, the history tells recovery that this has ended.
    pub(crate) fn discard(self) -> Result<(), JournalError> {
        let removed = remove(&self.path);
        if removed.is_err() {
            // As good as removed: an empty journal is a torn begin, which recovery discards.
            let file = fs::OpenOptions::new().write(true).open(&self.path);
            let emptied = file.and_then(|file| file.set_len(0));
            emptied.map_err(JournalError::file("empty", &self.path))?;
        }
        self.folder.keep_reserve();
        removed
    }
}

/// Removes a journal that is of no more use.
pub(crate) fn remove(path: &Path) -> Result<(), JournalError> {
    fs::remove_file(path).map_err(JournalError::file("remove", path))
}

pub(crate) fn file_name(id: &OpId) -> String {
    format!("{id}.jsonl")
}

/// The `.jsonl` files of a directory in the order of their names; none if there is no such directory.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(JournalError::file("read", dir))?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(JournalError::file("read", dir))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
