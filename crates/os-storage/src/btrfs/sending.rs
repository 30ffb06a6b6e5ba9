//! Writing a snapshot as a stream.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use os_cmd::{CommandError, Flow, Invocation, Running};
use os_types::SnapshotName;
use sha2::{Digest, Sha256};

use super::contents::Contents;
use crate::frames::{FRAME_LIMIT, Format, Header, hex, pump, write_end, write_header};
use crate::{Proof, SendReport, SendRequest, StreamError};

/// How long `btrfs send` may search for the next difference without writing anything.
const SILENCE: Duration = Duration::from_mins(10);

impl Contents {
    pub(super) fn send_stream(
        &self,
        request: &SendRequest,
        sink: &mut dyn Write,
    ) -> Result<SendReport, StreamError> {
        let snapshot = &request.snapshot;
        let (path, guid) = self.locate(snapshot)?;
        let mut command = Invocation::new("btrfs")
            .arg("send")
            .arg("-q")
            .deadline(SILENCE);
        let mut base_guid = None;
        if let Some(base) = &request.base {
            let (path, guid) = self.locate(base)?;
            command = command.arg("-p").arg(path);
            base_guid = Some(guid);
        }
        let mismatch = || StreamError::ResumeMismatch {
            object: snapshot.to_string(),
        };
        let skip = request.resume.as_ref().map_or(0, |token| token.offset);
        if let Some(token) = &request.resume
            && (token.snapshot_guid != guid || token.base_guid != base_guid)
        {
            return Err(mismatch());
        }
        let tool = |source: CommandError| StreamError::Tool {
            action: "send",
            snapshot: snapshot.clone(),
            source: Box::new(source),
        };
        let mut running = self
            .runner
            .start(command.arg(path), Flow::FromProgram)
            .map_err(tool)?;
        let digest = skip_prefix(&mut running, skip).map_err(|_broken| mismatch())?;
        if request
            .resume
            .as_ref()
            .is_some_and(|token| token.proof != Proof::Digest(hex(&digest)))
        {
            return Err(mismatch());
        }
        let header = Header {
            format: Format::Btrfs,
            snapshot: guid,
            base: base_guid,
            offset: skip,
            prefix: hex(&digest),
        };
        let broken = |source| StreamError::Sink {
            snapshot: snapshot.clone(),
            source,
        };
        write_header(sink, &header).map_err(broken)?;
        let (digest, length) = pump(&mut running, sink, digest).map_err(broken)?;
        // The end is written only once the program has said that all went well.
        running.finish().map_err(tool)?;
        write_end(sink, digest).map_err(broken)?;
        Ok(SendReport {
            total: skip + length,
            skipped: skip,
        })
    }

    fn locate(&self, snapshot: &SnapshotName) -> Result<(PathBuf, String), StreamError> {
        let (found, entry) = self.require_snapshot(snapshot)?;
        let folder = self.snapshot_folder(&found.attributes.guid);
        Ok((folder.join(snapshot.short()), entry.guid()))
    }
}

/// Reads what the receiver has already. *Errors*: the stream is shorter than that.
fn skip_prefix(running: &mut Running, length: u64) -> std::io::Result<Sha256> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; FRAME_LIMIT];
    let mut left = running.take(length);
    let mut seen = 0;
    loop {
        let count = left.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        seen += count as u64;
        digest.update(buffer.get(..count).unwrap_or_default());
    }
    if seen < length {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(digest)
}
