//! The file in which a stream is kept until it is complete.
//!
//! Two files for each dataset that is being received: `<key>.stream` has the bytes, `<key>.json`
//! says what they are. The digest is never stored: it is computed from the bytes that are there,
//! so that what a power failure did to the file is noticed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use os_types::{DatasetName, SnapshotName};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::frames::hex;
use crate::{Proof, ResumeToken};

/// What a spooled stream will become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    schema: u32,
    /// The snapshot to make.
    pub(super) target: SnapshotName,
    /// Guid of its contents.
    pub(super) guid: String,
    /// Guid of the snapshot it starts from.
    pub(super) base: Option<String>,
    /// Guid of the dataset: a new one for a full stream.
    pub(super) dataset_guid: String,
    /// Whether all bytes are there and their digest was right.
    pub(super) complete: bool,
}

impl Note {
    pub(super) fn new(
        target: SnapshotName,
        guid: String,
        base: Option<String>,
        dataset_guid: String,
    ) -> Self {
        Self {
            schema: 1,
            target,
            guid,
            base,
            dataset_guid,
            complete: false,
        }
    }
}

/// The two files of one dataset.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    key: String,
}

impl Spool {
    pub(super) fn of(folder: &Path, dataset: &DatasetName) -> Self {
        // A dataset's name has slashes and may be long; only its identity matters here.
        let key = hex(&Sha256::new_with_prefix(dataset.as_str()));
        Self {
            folder: folder.to_owned(),
            key,
        }
    }

    pub(super) fn stream(&self) -> PathBuf {
        self.folder.join(format!("{}.stream", self.key))
    }

    fn note_path(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.key))
    }

    /// `None` if there is none, or if it cannot be read: then there is nothing to go on with.
    pub(super) fn note(&self) -> io::Result<Option<Note>> {
        read_note(&self.note_path())
    }

    /// Notes of all transfers in a directory.
    pub(super) fn all_notes(folder: &Path) -> io::Result<Vec<Note>> {
        let mut notes = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "json") {
                notes.extend(read_note(&path)?);
            }
        }
        Ok(notes)
    }

    pub(super) fn write_note(&self, note: &Note) -> io::Result<()> {
        let temporary = self.folder.join(format!("{}.tmp", self.key));
        let mut file = File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(note)?)?;
        file.sync_all()?;
        fs::rename(temporary, self.note_path())?;
        File::open(&self.folder)?.sync_all()
    }

    /// Digest and length of what is there.
    pub(super) fn digest(&self) -> io::Result<(Sha256, u64)> {
        let mut digest = Sha256::new();
        let mut length = 0;
        let mut file = match File::open(self.stream()) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((digest, 0)),
            Err(e) => return Err(e),
        };
        let mut buffer = vec![0; 256 << 10];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok((digest, length));
            }
            length += count as u64;
            digest.update(buffer.get(..count).unwrap_or_default());
        }
    }

    /// Opens the file for writing at its end, or empty.
    pub(super) fn writer(&self, go_on: bool) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true);
        if go_on {
            options.append(true).open(self.stream())
        } else {
            options.write(true).truncate(true).open(self.stream())
        }
    }

    /// Where the transfer can go on; `None` if nothing was received yet.
    pub(super) fn token(&self) -> io::Result<Option<ResumeToken>> {
        let Some(note) = self.note()? else {
            return Ok(None);
        };
        let (digest, offset) = self.digest()?;
        Ok(Some(ResumeToken {
            snapshot_guid: note.guid,
            base_guid: note.base,
            offset,
            proof: Proof::Digest(hex(&digest)),
        }))
    }

    /// Removes both files. `false` if there were none.
    pub(super) fn remove(&self) -> io::Result<bool> {
        let mut any = false;
        // The note first: without it the rest means nothing.
        for path in [self.note_path(), self.stream()] {
            match fs::remove_file(path) {
                Ok(()) => any = true,
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(any)
    }
}

fn read_note(path: &Path) -> io::Result<Option<Note>> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}
