//! Copies of the disk as `kill -9` would leave it at each point of an operation. The daemon continues after each
//! copy, so one run of the operation gives the crashes at all points.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

/// The copies of the disk of one daemon.
#[derive(Debug)]
pub(super) struct Cuts {
    root: PathBuf,
    into: PathBuf,
    made: Mutex<Option<Making>>,
    /// Held for reading while a step has its effect, and for writing while the disk is copied. So a copy has
    /// either all of an effect, with its intent, or nothing of it.
    effects: RwLock<()>,
}

/// The copies since [`Cuts::begin`].
#[derive(Debug)]
struct Making {
    way: Way,
    made: Vec<Cut>,
    /// Bytes of open journals when a step last had its effect.
    written: u64,
}

/// Whether an operation goes forward or is being rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    There,
    Back,
}

/// A copy of the disk.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    /// The point, for people.
    pub(super) at: String,
    pub(super) disk: PathBuf,
    /// No step has had an effect since the last line of the journal was written, so a daemon that is killed here
    /// may have been writing it.
    pub(super) may_be_torn: bool,
}

impl Cuts {
    pub(super) fn new(root: &Path, into: &Path) -> Self {
        Self {
            root: root.to_owned(),
            into: into.to_owned(),
            made: Mutex::default(),
            effects: RwLock::default(),
        }
    }

    /// Starts making copies while an operation goes this way.
    pub(super) fn begin(&self, way: Way) {
        *self.made.lock().unwrap() = Some(Making {
            way,
            made: Vec::new(),
            written: 0,
        });
    }

    /// Stops making copies. Returns those that were made.
    pub(super) fn end(&self) -> Vec<Cut> {
        self.made.lock().unwrap().take().unwrap().made
    }

    /// A guard to hold while a step has its effect.
    pub(super) fn effect(&self) -> RwLockReadGuard<'_, ()> {
        self.effects.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a step has had its effect.
    pub(super) fn note_effect(&self) {
        if let Some(making) = &mut *self.made.lock().unwrap() {
            making.written = self.written();
        }
    }

    /// Makes a copy.
    pub(super) fn cut(&self, at: &str) {
        self.cut_if(at, |_| true);
    }

    /// Makes a copy if those of this way are wanted.
    pub(super) fn cut_on(&self, way: Way, at: &str) {
        self.cut_if(at, |wanted| wanted == way);
    }

    fn cut_if(&self, at: &str, is_wanted: impl Fn(Way) -> bool) {
        let is_making = |making: &Making| is_wanted(making.way);
        if !self.made.lock().unwrap().as_ref().is_some_and(is_making) {
            return;
        }
        let _no_effects = self.effects.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(making) = &mut *self.made.lock().unwrap() {
            let disk = self.into.join(making.made.len().to_string());
            copy(&self.root, &disk).unwrap();
            making.made.push(Cut {
                at: at.to_owned(),
                disk,
                may_be_torn: self.written() > making.written,
            });
        }
    }

    fn written(&self) -> u64 {
        let journals = open_journals(&self.root).into_iter();
        journals
            .map(|path| path.metadata().map_or(0, |found| found.len()))
            .sum()
    }
}

/// The journals of operations that have not ended.
fn open_journals(root: &Path) -> Vec<PathBuf> {
    let places = ["tank/journal", "var/lib/osctl/journal", "run/osctl/journal"];
    let folders = places.map(|place| root.join(place).join("open"));
    let entries = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok());
    entries
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

/// Cuts the last line of an open journal in half.
pub(super) fn tear(root: &Path) {
    let journals = open_journals(root);
    let [journal] = &journals[..] else {
        panic!("journals of one operation: {journals:?}");
    };
    let text = fs::read_to_string(journal).unwrap();
    let before = text
        .trim_end_matches('\n')
        .rfind('\n')
        .map_or(0, |at| at + 1);
    let half = before + (text.len() - before) / 2;
    let file = fs::File::options().write(true).open(journal).unwrap();
    file.set_len(half.try_into().unwrap()).unwrap();
}

/// Copies a tree with modes and links. Files that disappear meanwhile are left out.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let kind = match from.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if kind.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    // Megabytes that are removed on a full disk only, and never read.
    if from.ends_with("journal/reserve") {
        return fs::hard_link(from, to);
    }
    if !kind.is_dir() {
        return match fs::copy(from, to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            copied => copied.map(drop),
        };
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    fs::set_permissions(to, kind.permissions())
}
