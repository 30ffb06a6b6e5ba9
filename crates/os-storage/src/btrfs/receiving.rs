//! Taking a stream in.
//!
//! ```text
//!   header ── checks ── spool ── digest ── btrfs receive ── dataset ── spool removed
//!                         │ broken: token          │ crash: finished at next open or receive
//! ```

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use os_cmd::{Input, Invocation};
use os_sys::Access;
use os_types::{DatasetName, SnapshotName};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use sha2::{Digest, Sha256};

use super::attributes::Attributes;
use super::catalog::{SnapshotEntry, guid_of, subvolume_at};
use super::contents::{Contents, make_folder, new_guid, open_folder};
use super::spool::{Note, Spool};
use super::stream_head;
use crate::frames::{Format, Frame, Header, hex, read_frame, read_header_for};
use crate::{
    Change, ReceivePolicy, ReceiveRequest, Received, ResumeToken, SendReport, SendRequest,
    StorageError, StreamError, Streams,
};

/// `btrfs receive` gets a minute, and a second more for each of these: slower is broken.
const SLOWEST_RATE: u64 = 1 << 20;

impl Streams for Contents {
    fn send(&self, request: &SendRequest, sink: &mut dyn Write) -> Result<SendReport, StreamError> {
        self.send_stream(request, sink)
    }

    fn receive(
        &self,
        request: &ReceiveRequest,
        source: &mut dyn Read,
    ) -> Result<Received, StreamError> {
        let target = &request.snapshot;
        let header = read_header_for(Format::Btrfs, source).map_err(|why| bad(target, why))?;
        let spool = Spool::of(&self.spool(), &target.dataset());
        // A complete one was interrupted while it was put in place.
        if let Some(note) = spool.note().map_err(|e| spooling(target, e))?
            && note.complete
        {
            self.put_in_place(&spool, &note)?;
        }
        if let Some(guid) = self.received_guid(target)? {
            return if guid == header.snapshot {
                Ok(Received {
                    guid,
                    change: Change::Unchanged,
                })
            } else {
                Err(StorageError::exists(target).into())
            };
        }
        let dataset_guid = self.check_dataset(request, &header)?;
        let mut note = match spool.note().map_err(|e| spooling(target, e))? {
            Some(note) if header.offset > 0 => note,
            _ => Note::new(
                target.clone(),
                header.snapshot.clone(),
                header.base.clone(),
                dataset_guid,
            ),
        };
        fill(target, &spool, &note, &header, source)?;
        note.complete = true;
        spool.write_note(&note).map_err(|e| spooling(target, e))?;
        // Local changes may have been made while the stream came in.
        self.check_dataset(request, &header)?;
        self.put_in_place(&spool, &note)?;
        Ok(Received {
            guid: note.guid,
            change: Change::Created,
        })
    }

    fn resume_token(&self, dataset: &DatasetName) -> Result<Option<ResumeToken>, StreamError> {
        let spool = Spool::of(&self.spool(), dataset);
        let token = spool.token();
        Ok(token.map_err(|e| StorageError::io("read the transfer into", dataset, e))?)
    }

    fn abort_receive(&self, dataset: &DatasetName) -> Result<Change, StreamError> {
        Ok(self.abort_transfer(dataset)?)
    }
}

impl Contents {
    fn received_guid(&self, target: &SnapshotName) -> Result<Option<String>, StreamError> {
        match self.require_snapshot(target) {
            Ok((_, entry)) => Ok(Some(entry.guid())),
            Err(StorageError::NotFound { .. }) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Whether the stream fits; the guid of the dataset that it goes into.
    fn check_dataset(
        &self,
        request: &ReceiveRequest,
        header: &Header,
    ) -> Result<String, StreamError> {
        let target = &request.snapshot;
        let dataset = target.dataset();
        self.finish_replacement(&dataset)?;
        let found = self.find(&dataset)?;
        let Some(base) = &header.base else {
            if found.is_some() {
                return Err(StorageError::exists(&dataset).into());
            }
            self.check_parent(&dataset)?;
            return Ok(new_guid().map_err(|e| StorageError::io("receive", target, e))?);
        };
        let Some(found) = found else {
            return Err(StorageError::not_found(&dataset).into());
        };
        let guid = found.attributes.guid.clone();
        let snapshots = self.snapshots_of(&dataset, &guid)?;
        match snapshots.last() {
            Some(newest) if newest.guid() == *base => {
                let keep = request.policy == ReceivePolicy::Keep;
                if keep && !self.is_clean(&dataset, &found, newest)? {
                    return Err(StreamError::Modified { dataset });
                }
                Ok(guid)
            }
            _ => Err(StreamError::BaseMissing {
                dataset,
                base: base.clone(),
            }),
        }
    }

    /// From complete bytes to a snapshot in its dataset; may be repeated at any point.
    fn put_in_place(&self, spool: &Spool, note: &Note) -> Result<(), StreamError> {
        let target = &note.target;
        let dataset = target.dataset();
        let snapshot = match self.unpack(spool, note) {
            Ok(snapshot) => snapshot,
            Err(e) => {
                // These bytes will never become a snapshot; keeping them would block the dataset.
                self.abort_transfer(&dataset)?;
                return Err(e);
            }
        };
        let found = self.find(&dataset)?;
        if found.is_some() {
            self.replace(&dataset, &snapshot)?;
        } else {
            let folder = self.snapshot_folder(&note.dataset_guid);
            let source = open_folder(&folder.join(target.short()), target)?;
            let stage = Self::fresh_name(&dataset)?;
            let attributes = Attributes::fresh(note.dataset_guid.clone(), None);
            let made = self
                .stage(&stage, Some(&source), &dataset)
                .and_then(|staged| self.publish(&staged, &dataset, &attributes));
            self.or_unstage(made, &stage)?;
            self.record_clean(&dataset, &snapshot)?;
        }
        spool.remove().map_err(|e| spooling(target, e))?;
        Ok(())
    }

    /// Runs `btrfs receive`, unless it ran to its end before.
    fn unpack(&self, spool: &Spool, note: &Note) -> Result<SnapshotEntry, StreamError> {
        let target = &note.target;
        let folder = self.snapshot_folder(&note.dataset_guid);
        make_folder(&folder).map_err(|e| spooling(target, e))?;
        if let Some(entry) = Self::unpacked(&folder.join(target.short()), note)? {
            return Ok(entry);
        }
        let mut file = File::open(spool.stream()).map_err(|e| spooling(target, e))?;
        let head = stream_head::read(&mut file)
            .map_err(|_error| bad(target, "it does not begin like one of btrfs"))?;
        if head.guid != note.guid || head.base != note.base {
            return Err(bad(
                target,
                "it is of another snapshot than its header says",
            ));
        }
        // The name comes from the sender: it must be one component, which a snapshot name is.
        let landing = SnapshotName::new(&target.dataset(), &head.name)
            .map_err(|_error| bad(target, "it names no snapshot"))?;
        let landed = folder.join(landing.short());
        if Self::unpacked(&landed, note)?.is_none() {
            if subvolume_at(&landed, &landing)?.is_some_and(|s| s.access == Access::ReadOnly) {
                return Err(StorageError::exists(&landing).into());
            }
            Self::drop_subvolume(&folder, landing.short())?;
            self.run_receive(spool, &folder, target)?;
        }
        if landing != *target {
            let to = folder.join(target.short());
            renameat_with(CWD, &landed, CWD, to, RenameFlags::NOREPLACE)
                .map_err(|e| spooling(target, e.into()))?;
        }
        self.commit(target)?;
        Self::unpacked(&folder.join(target.short()), note)?
            .ok_or_else(|| bad(target, "it did not make the snapshot that it names"))
    }

    fn unpacked(path: &Path, note: &Note) -> Result<Option<SnapshotEntry>, StreamError> {
        let subvolume = subvolume_at(path, &note.target)?;
        Ok(subvolume
            .filter(|s| s.access == Access::ReadOnly && guid_of(s) == note.guid)
            .map(|subvolume| SnapshotEntry {
                name: note.target.clone(),
                subvolume,
            }))
    }

    fn run_receive(
        &self,
        spool: &Spool,
        folder: &Path,
        target: &SnapshotName,
    ) -> Result<(), StreamError> {
        let file = File::open(spool.stream()).map_err(|e| spooling(target, e))?;
        let length = file.metadata().map_err(|e| spooling(target, e))?.len();
        let deadline = Duration::from_mins(1) + Duration::from_secs(length / SLOWEST_RATE);
        let command = Invocation::new("btrfs")
            .args(["receive", "-e", "-q"])
            .arg(folder)
            .stdin(Input::Fd(file.into()))
            .deadline(deadline);
        let object = target.to_string();
        match self.runner.run(command) {
            Ok(_) => Ok(()),
            Err(e) if e.stderr().contains("No space left on device") => {
                Err(StorageError::NoSpace { object }.into())
            }
            Err(e) if e.stderr().contains("Disk quota exceeded") => {
                Err(StorageError::OverQuota { object }.into())
            }
            Err(source) => Err(StreamError::Tool {
                action: "receive",
                snapshot: target.clone(),
                source: Box::new(source),
            }),
        }
    }

    /// Removes the spool of a dataset and what was unpacked of it.
    pub(super) fn abort_transfer(&self, dataset: &DatasetName) -> Result<Change, StorageError> {
        let failed = |e| StorageError::io("abort the transfer into", dataset, e);
        let spool = Spool::of(&self.spool(), dataset);
        if let Some(note) = spool.note().map_err(failed)? {
            self.drop_unfinished(&note)?;
        }
        let any = spool.remove().map_err(failed)?;
        Ok(if any {
            Change::Removed
        } else {
            Change::Unchanged
        })
    }

    fn drop_unfinished(&self, note: &Note) -> Result<(), StorageError> {
        let folder = self.snapshot_folder(&note.dataset_guid);
        let dataset = note.target.dataset();
        let orphan = self
            .find(&dataset)?
            .is_none_or(|d| d.attributes.guid != note.dataset_guid);
        for name in super::catalog::subfolders(&folder, &dataset)? {
            let subvolume = subvolume_at(&folder.join(&name), &dataset)?;
            let finished = subvolume.is_some_and(|s| s.access == Access::ReadOnly);
            if orphan || !finished {
                Self::drop_subvolume(&folder, &name)?;
            }
        }
        self.drop_snapshot_folder(&note.dataset_guid)
    }

    /// Finishes complete transfers; leaves the others to be resumed.
    pub(super) fn heal_transfers(&self) -> Result<(), StorageError> {
        let folder = self.spool();
        let notes = Spool::all_notes(&folder)
            .map_err(|e| StorageError::io("read transfers of", &self.place.name, e))?;
        for note in notes.iter().filter(|note| note.complete) {
            let dataset = note.target.dataset();
            let spool = Spool::of(&folder, &dataset);
            if let Err(error) = self.put_in_place(&spool, note) {
                tracing::warn!(%dataset, %error, "cannot finish a transfer");
            }
        }
        Ok(())
    }
}

/// Brings the frames into the spool.
fn fill(
    target: &SnapshotName,
    spool: &Spool,
    note: &Note,
    header: &Header,
    source: &mut dyn Read,
) -> Result<(), StreamError> {
    let failed = |e| spooling(target, e);
    let go_on = header.offset > 0;
    let mut digest = Sha256::new();
    if go_on {
        let (present, length) = spool.digest().map_err(failed)?;
        let same = note.guid == header.snapshot
            && note.base == header.base
            && note.target == *target
            && length == header.offset
            && hex(&present) == header.prefix;
        if !same {
            let object = target.to_string();
            return Err(StreamError::ResumeMismatch { object });
        }
        digest = present;
    }
    let mut file = spool.writer(go_on).map_err(failed)?;
    spool.write_note(note).map_err(failed)?;
    loop {
        match read_frame(source) {
            Ok(Frame::Bytes(bytes)) => {
                file.write_all(&bytes).map_err(failed)?;
                digest.update(&bytes);
            }
            Ok(Frame::End(expected)) => {
                file.sync_all().map_err(failed)?;
                let actual: [u8; 32] = digest.finalize().into();
                if actual == expected {
                    return Ok(());
                }
                spool.remove().map_err(failed)?;
                return Err(bad(target, "its digest is wrong"));
            }
            Err(source) => {
                file.sync_all().map_err(failed)?;
                return match spool.token().map_err(failed)? {
                    Some(token) => Err(StreamError::Interrupted {
                        snapshot: target.clone(),
                        token: Box::new(token),
                        source,
                    }),
                    None => Err(bad(target, "it was interrupted and cannot be resumed")),
                };
            }
        }
    }
}

fn bad(target: &SnapshotName, reason: &'static str) -> StreamError {
    StreamError::BadStream {
        object: target.to_string(),
        reason,
    }
}

fn spooling(target: &SnapshotName, e: io::Error) -> StreamError {
    StorageError::io("receive", target, e).into()
}
