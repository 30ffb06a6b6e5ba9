//! Sending snapshots to other pools and receiving them.

use std::io::{self, Read, Write};

use os_types::{DatasetName, SnapshotName};

use crate::{Change, ResumeToken, StorageError};

/// Transfer of snapshots, full or as the difference to an earlier one.
pub trait Streams {
    /// Writes a snapshot as a stream.
    ///
    /// *Errors*: `ResumeMismatch` if the stream cannot be continued at the token: start over.
    /// *Blocking*: as long as `sink` takes.
    fn send(&self, request: &SendRequest, sink: &mut dyn Write) -> Result<SendReport, StreamError>;

    /// Takes a stream in. A full stream makes the dataset, an incremental one moves it forward.
    ///
    /// Nothing but the resumable part remains of a transfer that breaks off.
    ///
    /// *Errors*: `Interrupted` carries the token to go on with.
    fn receive(
        &self,
        request: &ReceiveRequest,
        source: &mut dyn Read,
    ) -> Result<Received, StreamError>;

    /// The token of a broken transfer into a dataset; `None` if there is none.
    fn resume_token(&self, dataset: &DatasetName) -> Result<Option<ResumeToken>, StreamError>;

    /// Throws away what is left of a broken transfer.
    fn abort_receive(&self, dataset: &DatasetName) -> Result<Change, StreamError>;
}

/// What to send.
#[derive(Debug, Clone)]
pub struct SendRequest {
    /// The snapshot.
    pub snapshot: SnapshotName,
    /// A snapshot that the receiver has, to send only the difference.
    pub base: Option<SnapshotName>,
    /// Where to go on.
    pub resume: Option<ResumeToken>,
}

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendReport {
    /// Length of the whole stream. *Units*: bytes.
    pub total: u64,
    /// How much of it was skipped since the receiver had it.
    pub skipped: u64,
}

/// Where to receive.
#[derive(Debug, Clone)]
pub struct ReceiveRequest {
    /// The snapshot to make, in a dataset that a full stream makes too.
    pub snapshot: SnapshotName,
    /// What happens to local changes.
    pub policy: ReceivePolicy,
}

/// What happens to changes that the dataset has since its newest snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceivePolicy {
    /// They are kept: the stream is refused.
    Keep,
    /// They are lost.
    Rollback,
}

/// What was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Guid of the snapshot, the same as at the sender.
    pub guid: String,
    /// Unchanged if it was here already; then the stream was not read to its end.
    pub change: Change,
}

/// Why a stream was not sent or received.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// A dataset or snapshot was not as it must be.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The stream ended or broke before its end.
    #[error("the stream of {snapshot} was interrupted at byte {}", token.offset)]
    Interrupted {
        /// The snapshot being received.
        snapshot: SnapshotName,
        /// Where to go on.
        token: Box<ResumeToken>,
        /// What happened.
        source: io::Error,
    },
    /// What was transferred before is not the beginning of this stream.
    #[error("the transfer of {object} cannot be resumed: start over")]
    ResumeMismatch {
        /// The snapshot or dataset.
        object: String,
    },
    /// The stream is not one of osctl, or was changed on its way.
    #[error("the stream for {object} is damaged: {reason}")]
    BadStream {
        /// The snapshot.
        object: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The difference does not start at the newest snapshot of the dataset.
    #[error("{dataset} does not have the snapshot that the stream starts from as its newest")]
    BaseMissing {
        /// The dataset.
        dataset: DatasetName,
        /// Guid of the wanted snapshot.
        base: String,
    },
    /// The dataset was changed since its newest snapshot.
    #[error("{dataset} was changed since its newest snapshot")]
    Modified {
        /// The dataset.
        dataset: DatasetName,
    },
    /// The receiver's end of the stream broke.
    #[error("cannot write the stream of {snapshot}")]
    Sink {
        /// The snapshot being sent.
        snapshot: SnapshotName,
        /// What happened.
        source: io::Error,
    },
    /// A program failed.
    #[error("cannot {action} {snapshot}")]
    Tool {
        /// What was tried.
        action: &'static str,
        /// The snapshot.
        snapshot: SnapshotName,
        /// What the program said.
        source: Box<os_cmd::CommandError>,
    },
}
