//! All configuration files of a pool, read from its directory.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use os_store::TEMPORARY_PREFIX;
use os_types::{Code, DatasetName, Explain};

use super::PoolState;
use super::pool::Content;
use crate::layout;

/// A file or directory of a pool that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The system refused.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Not text.
    #[error("{}:{line}: is not UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The first line that is not.
        line: usize,
    },
    /// It is not a regular file, or its attributes are wrong.
    #[error("{}: {reason}", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: &'static str,
    },
}

impl Explain for LoadError {
    fn code(&self) -> Code {
        Code::Damaged
    }
}

impl PoolState {
    /// The configuration of the pool below `folder`, the directory of its scoped dataset.
    ///
    /// A file that cannot be read damages its own entity; a missing directory is an empty one, because
    /// the pool may be new.
    ///
    /// # Errors
    /// When a directory cannot be listed: then the entities are unknown.
    ///
    /// # Blocking
    /// Reads every file, about 10 µs each.
    pub fn load_dir(dataset: &DatasetName, folder: impl Into<PathBuf>) -> Result<Self, LoadError> {
        let mut pool = Self::new(dataset, folder);
        pool.load_file(layout::POOL_CONFIG);
        for kind in ["conf/id-range", "conf/user", "conf/ct"] {
            let names = pool.names(kind)?;
            for name in names.files {
                pool.load_entity(format!("{kind}/{name}"));
            }
            for name in names.folders {
                pool.add_stray(format!("{kind}/{name}"));
            }
        }
        pool.load_groups()?;
        Ok(pool)
    }

    fn load_groups(&mut self) -> Result<(), LoadError> {
        let mut folders = vec!["conf/group".to_owned()];
        while let Some(folder) = folders.pop() {
            let names = self.names(&folder)?;
            for name in names.files {
                self.load_entity(format!("{folder}/{name}"));
            }
            for name in names.folders {
                let path = format!("{folder}/{name}");
                // Only directories that a group can have: this also bounds the depth.
                if layout::entity_of(self.name(), &format!("{path}/config.toml")).is_some() {
                    folders.push(path);
                } else {
                    self.add_stray(path);
                }
            }
        }
        Ok(())
    }

    fn load_entity(&mut self, relative: String) {
        if layout::entity_of(self.name(), &relative).is_some() {
            self.load_file(&relative);
        } else {
            self.add_stray(relative);
        }
    }

    fn load_file(&mut self, relative: &str) {
        match read(&self.folder().join(relative)) {
            Ok(Some(text)) => self.apply(relative, Some(Content::Text(&text))),
            Ok(None) => None,
            Err(error) => self.apply(relative, Some(Content::Unreadable(error))),
        };
    }

    /// What is in a directory, but for half-written files.
    fn names(&self, relative: &str) -> Result<Names, LoadError> {
        let path = self.folder().join(relative);
        let fail = |source| LoadError::Read {
            path: path.clone(),
            source,
        };
        let mut names = Names::default();
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
            other => other.map_err(fail)?,
        };
        for entry in entries {
            let entry = entry.map_err(fail)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(TEMPORARY_PREFIX) {
                continue;
            }
            if entry.file_type().map_err(fail)?.is_dir() {
                names.folders.push(name);
            } else {
                names.files.push(name);
            }
        }
        Ok(names)
    }
}

#[derive(Default)]
struct Names {
    files: Vec<String>,
    folders: Vec<String>,
}

/// The text of a file, `None` if there is none.
fn read(path: &Path) -> Result<Option<String>, LoadError> {
    let no_text = |reason| LoadError::NoText {
        path: path.to_owned(),
        reason,
    };
    // Looked at before it is opened: opening a fifo would wait for a writer. Only root can
    // replace the file in between.
    let opened = fs::symlink_metadata(path).and_then(|metadata| {
        let opened = metadata.is_file().then(|| File::open(path)).transpose()?;
        Ok((opened, metadata.len()))
    });
    let (file, length) = match opened {
        Ok((Some(file), length)) => (file, length),
        Ok((None, _)) => return Err(no_text("is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(LoadError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    if length > layout::FILE_LIMIT {
        return Err(no_text("is larger than 16 MiB"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    let read = file.take(layout::FILE_LIMIT).read_to_end(&mut bytes);
    read.map_err(|source| LoadError::Read {
        path: path.to_owned(),
        source,
    })?;
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let line = error
            .as_bytes()
            .iter()
            .take(error.utf8_error().valid_up_to());
        LoadError::NotUtf8 {
            path: path.to_owned(),
            line: 1 + line.filter(|byte| **byte == b'\n').count(),
        }
    })
}
