//! Writing a snapshot as a stream.

use std::io::Write;
use std::time::Duration;

use os_cmd::{CommandError, Flow, Invocation};
use os_types::SnapshotName;
use sha2::{Digest, Sha256};

use super::contents::Contents;
use super::token;
use crate::frames::{Format, Header, hex, pump, write_end, write_header};
use crate::{Proof, ResumeToken, SendReport, SendRequest, StorageError, StreamError};

/// How long ZFS may search for the next difference without writing anything.
const SILENCE: Duration = Duration::from_mins(10);

impl Contents {
    pub(super) fn send_stream(
        &self,
        request: &SendRequest,
        sink: &mut dyn Write,
    ) -> Result<SendReport, StreamError> {
        let snapshot = &request.snapshot;
        let guid = self.guid(snapshot)?;
        let base = request.base.as_ref();
        let base_guid = base.map(|base| self.guid(base)).transpose()?;
        let mut command = Invocation::new("zfs").arg("send").deadline(SILENCE);
        let (mut offset, mut prefix) = (0, String::new());
        if let Some(wanted) = &request.resume {
            let fits = wanted.snapshot_guid == guid && wanted.base_guid == base_guid;
            let token = self.read_token(wanted).filter(|_| fits).ok_or_else(|| {
                let object = snapshot.to_string();
                StreamError::ResumeMismatch { object }
            })?;
            command = command.args(["-t", token]);
            offset = wanted.offset;
            prefix = hex(&Sha256::new_with_prefix(token));
        } else {
            // Raw: what is encrypted leaves this host encrypted, what is compressed stays so.
            command = command.arg("-w");
            if let Some(base) = base {
                command = command.args(["-i", base.as_str()]);
            }
            command = command.arg(snapshot.as_str());
        }
        let tool = |source: CommandError| StreamError::Tool {
            action: "send",
            snapshot: snapshot.clone(),
            source: Box::new(source),
        };
        let started = self.runner.start(command, Flow::FromProgram);
        let mut running = started.map_err(tool)?;
        let header = Header {
            format: Format::Zfs,
            snapshot: guid,
            base: base_guid,
            offset,
            prefix,
        };
        let broken = |source| StreamError::Sink {
            snapshot: snapshot.clone(),
            source,
        };
        write_header(sink, &header).map_err(broken)?;
        let (digest, length) = pump(&mut running, sink, Sha256::new()).map_err(broken)?;
        // The end is written only once the program has said that all went well.
        running.finish().map_err(tool)?;
        write_end(sink, digest).map_err(broken)?;
        Ok(SendReport {
            total: offset.saturating_add(length),
            skipped: offset,
        })
    }

    fn guid(&self, snapshot: &SnapshotName) -> Result<String, StorageError> {
        let found = self.find_snapshot(snapshot)?;
        let found = found.ok_or_else(|| StorageError::not_found(snapshot))?;
        Ok(found.info.guid)
    }

    /// The token of ZFS, if it says the same as what is around it.
    fn read_token<'a>(&self, wanted: &'a ResumeToken) -> Option<&'a str> {
        let Proof::Zfs(token) = &wanted.proof else {
            return None;
        };
        let read = token::read(&*self.runner, token)?;
        (read == *wanted).then_some(token.as_str())
    }
}
