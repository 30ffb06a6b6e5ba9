//! Taking a stream in.

use std::io::{self, Read, Write};
use std::time::Duration;

use os_cmd::{CommandError, Flow, Invocation, Running};
use os_types::{DatasetName, SnapshotName};
use sha2::{Digest, Sha256};

use super::contents::Contents;
use super::mounts::Part;
use super::{errors, token};
use crate::frames::{Format, Frame, Header, hex, read_frame, read_header_for};
use crate::{
    Change, Proof, ReceivePolicy, ReceiveRequest, Received, ResumeToken, SendReport, SendRequest,
    StorageError, StreamError, Streams,
};

/// How long ZFS may take to put away what it got without taking more.
const SILENCE: Duration = Duration::from_mins(10);

/// The last record of a stream is longer than this: without these bytes ZFS cannot finish.
/// *Source*: `dmu_replay_record` in `include/sys/zfs_ioctl.h`, 312 bytes.
const TAIL: usize = 256;

/// How a stream ended.
enum End {
    /// Complete, with the right digest.
    Whole,
    /// Complete, with a wrong one: its tail was kept from ZFS.
    Damaged,
    /// It broke off; what came was given to ZFS.
    Cut(io::Error),
    /// ZFS does not take more.
    Refused,
}

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
        let header = read_header_for(Format::Zfs, source).map_err(|why| bad(target, why))?;
        if let Some(found) = self.find_snapshot(target)? {
            return if found.info.guid == header.snapshot {
                // A crash may have come before it was mounted.
                self.mount_tree(&target.dataset())?;
                Ok(Received {
                    guid: header.snapshot,
                    change: Change::Unchanged,
                })
            } else {
                Err(StorageError::exists(target).into())
            };
        }
        self.check_stream(target, &header)?;
        let dataset = target.dataset();
        if header.base.is_some() {
            self.unmount_tree(&dataset, Part::Whole)?;
        }
        let received = self.run_receive(request, &header, source);
        self.mount_tree(&dataset)?;
        received?;
        match self.find_snapshot(target)? {
            Some(found) if found.info.guid == header.snapshot => Ok(Received {
                guid: header.snapshot,
                change: Change::Created,
            }),
            _ => Err(bad(target, "it did not make the snapshot that it names")),
        }
    }

    fn resume_token(&self, dataset: &DatasetName) -> Result<Option<ResumeToken>, StreamError> {
        let found = self.find_raw(dataset)?.and_then(|dataset| dataset.token);
        Ok(found.and_then(|found| token::read(&*self.runner, &found)))
    }

    fn abort_receive(&self, dataset: &DatasetName) -> Result<Change, StreamError> {
        Ok(self.abort(dataset)?)
    }
}

impl Contents {
    /// Throws away what is left of a transfer.
    pub(super) fn abort(&self, dataset: &DatasetName) -> Result<Change, StorageError> {
        if self.find_raw(dataset)?.is_none_or(|d| d.token.is_none()) {
            return Ok(Change::Unchanged);
        }
        let args = ["receive", "-A", dataset.as_str()];
        self.change("abort the transfer into", dataset, &args)?;
        Ok(Change::Removed)
    }

    /// Whether the stream fits; an older transfer that it does not continue is thrown away.
    fn check_stream(&self, target: &SnapshotName, header: &Header) -> Result<(), StreamError> {
        let dataset = target.dataset();
        if header.offset > 0 {
            return match self.resume_token(&dataset)? {
                Some(token) if continues(&token, header) => Ok(()),
                _ => Err(StreamError::ResumeMismatch {
                    object: target.to_string(),
                }),
            };
        }
        let found = self.find(&dataset)?;
        let Some(base) = &header.base else {
            if found.is_some() {
                return Err(StorageError::exists(&dataset).into());
            }
            self.abort(&dataset)?;
            return Ok(self.check_new(&dataset)?);
        };
        if found.is_none() {
            return Err(StorageError::not_found(&dataset).into());
        }
        let newest = self.snapshots_of(&dataset)?.pop();
        if newest.is_none_or(|newest| newest.info.guid != *base) {
            let base = base.clone();
            return Err(StreamError::BaseMissing { dataset, base });
        }
        self.abort(&dataset)?;
        Ok(())
    }

    fn run_receive(
        &self,
        request: &ReceiveRequest,
        header: &Header,
        source: &mut dyn Read,
    ) -> Result<(), StreamError> {
        let target = &request.snapshot;
        let dataset = target.dataset();
        let mut command = Invocation::new("zfs")
            .args(["receive", "-s", "-u"])
            .deadline(SILENCE);
        if request.policy == ReceivePolicy::Rollback && header.base.is_some() {
            command = command.arg("-F");
        }
        let command = command.arg(target.as_str());
        let started = self.runner.start(command, Flow::IntoProgram);
        let mut running = started.map_err(|e| tool(target, e))?;
        let end = feed(&mut running, source);
        let finished = running.finish();
        let damaged = |reason| {
            self.abort(&dataset)?;
            Err(bad(target, reason))
        };
        match (end, finished) {
            (End::Whole, Ok(())) => Ok(()),
            (End::Damaged, _) => damaged("its digest is wrong"),
            (End::Cut(source), finished) => match (self.resume_token(&dataset)?, finished) {
                (Some(token), _) => Err(StreamError::Interrupted {
                    snapshot: target.clone(),
                    token: Box::new(token),
                    source,
                }),
                (None, Err(error)) if !is_damage(&error) => Err(refusal(target, header, error)),
                (None, _) => damaged("it was interrupted and cannot be resumed"),
            },
            (End::Whole | End::Refused, Err(error)) if is_damage(&error) => {
                damaged("its checksum is wrong")
            }
            (End::Whole | End::Refused, Err(error)) => Err(refusal(target, header, error)),
            (End::Refused, Ok(())) => damaged("it goes on after its end"),
        }
    }
}

/// Whether a stream is the rest of what a token is about.
fn continues(token: &ResumeToken, header: &Header) -> bool {
    let Proof::Zfs(text) = &token.proof else {
        return false;
    };
    token.snapshot_guid == header.snapshot
        && token.base_guid == header.base
        && hex(&Sha256::new_with_prefix(text)) == header.prefix
}

/// Gives the frames to ZFS, the last bytes only when the digest is known to be right.
fn feed(running: &mut Running, source: &mut dyn Read) -> End {
    let mut digest = Sha256::new();
    let mut held: Vec<u8> = Vec::new();
    loop {
        match read_frame(source) {
            Ok(Frame::Bytes(bytes)) => {
                digest.update(&bytes);
                held.extend(bytes);
                let ready = held.len().saturating_sub(TAIL);
                let ready: Vec<u8> = held.drain(..ready).collect();
                if running.write_all(&ready).is_err() {
                    return End::Refused;
                }
            }
            Ok(Frame::End(expected)) => {
                let actual: [u8; 32] = digest.finalize().into();
                if actual != expected {
                    return End::Damaged;
                }
                return match running.write_all(&held) {
                    Ok(()) => End::Whole,
                    Err(_closed) => End::Refused,
                };
            }
            Err(error) => {
                return match running.write_all(&held) {
                    Ok(()) => End::Cut(error),
                    Err(_closed) => End::Refused,
                };
            }
        }
    }
}

fn is_damage(error: &CommandError) -> bool {
    let said = error.stderr();
    let texts = [
        "checksum mismatch",
        "invalid stream",
        "incomplete stream",
        "invalid backup stream",
    ];
    texts.iter().any(|text| said.contains(text))
}

fn refusal(target: &SnapshotName, header: &Header, error: CommandError) -> StreamError {
    let dataset = target.dataset();
    let says = |text: &str| error.stderr().contains(text);
    if says("has been modified") {
        return StreamError::Modified { dataset };
    }
    if says("match incremental source") {
        let base = header.base.clone().unwrap_or_default();
        return StreamError::BaseMissing { dataset, base };
    }
    if says("partially-complete state") || says("cannot resume") {
        let object = target.to_string();
        return StreamError::ResumeMismatch { object };
    }
    match errors::sort("receive", target, error) {
        StorageError::System { source, .. } => match source.downcast::<CommandError>() {
            Ok(source) => tool(target, *source),
            Err(source) => StreamError::Storage(StorageError::System {
                action: "receive",
                object: target.to_string(),
                source,
            }),
        },
        other => other.into(),
    }
}

fn tool(target: &SnapshotName, source: CommandError) -> StreamError {
    StreamError::Tool {
        action: "receive",
        snapshot: target.clone(),
        source: Box::new(source),
    }
}

fn bad(target: &SnapshotName, reason: &'static str) -> StreamError {
    StreamError::BadStream {
        object: target.to_string(),
        reason,
    }
}
