//! What is written down about an operation: the lines of its journal and its line in the history.
//!
//! Once released, a line keeps its meaning; `schema` tells versions apart (ADR-4).

use jiff::Timestamp;
use os_api::{HistoryRecord, OperationState};
use os_types::plan::JournalPlace;
use os_types::{Failure, OpId, Plan, PoolName};
use serde::{Deserialize, Serialize};

use crate::host::Outcome;

/// The schema of what this version writes.
pub(crate) const SCHEMA: u32 = 1;

/// Client, command and host of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its id.
    pub id: OpId,
    /// The command, e.g. `user-new`.
    pub command: String,
    /// The command line, secrets removed.
    pub cli: String,
    /// User id of the client.
    pub uid: u32,
    /// Process id of the client.
    pub pid: i32,
    /// The operation it undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<OpId>,
    /// When it was accepted.
    pub created: Timestamp,
    /// When its first step was about to be applied.
    pub started: Timestamp,
    /// The boot of the host it ran on.
    pub boot: String,
    /// The host it ran on.
    pub host: String,
    /// Whether an urgent operation may take over, also from a daemon that goes on with it. Older journals
    /// do not tell; there each that changes only what runs yields.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub yields: bool,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// When.
    pub ended: Timestamp,
    /// In which final state.
    pub state: OperationState,
    /// Why it did not finish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// True if a restarted daemon brought it to its end.
    #[serde(default)]
    pub recovered: bool,
    /// The steps, counted from 1, whose effect is still there although it failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<usize>,
}

/// A line of the history: an operation with its plan and its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this form.
    pub schema: u32,
    /// Client and command.
    #[serde(flatten)]
    pub header: Header,
    /// Its steps.
    pub plan: Plan,
    /// How it ended.
    #[serde(flatten)]
    pub ending: Ending,
}

/// A line of the journal of a running operation.
///
/// Steps count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub(crate) enum Line {
    /// The operation may change the host after this line.
    Begin(Box<Begin>),
    /// The step was found in its initial state and is about to be applied.
    Intent { step: usize },
    /// The step is in its target state.
    Done { step: usize, outcome: Outcome },
    /// From now on steps are taken back. This line is synced, so all lines before it are known;
    /// `unsure` says that some may have been lost earlier.
    Reverting {
        reason: Failure,
        #[serde(default)]
        unsure: bool,
    },
    /// The step was taken back, or turned out not to have been applied.
    Reverted { step: usize },
    /// Nothing more will happen; only the history may still lack it.
    End(Box<Ending>),
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begin {
    pub(crate) schema: u32,
    #[serde(flatten)]
    pub(crate) header: Header,
    pub(crate) plan: Plan,
}

impl Begin {
    pub(crate) fn ended(self, ending: Ending) -> Record {
        Record {
            schema: self.schema,
            header: self.header,
            plan: self.plan,
            ending,
        }
    }
}

impl Record {
    /// The pool it concerned.
    pub fn pool(&self) -> Option<&PoolName> {
        match &self.plan.journal {
            JournalPlace::Pool { pool } => Some(pool),
            // One pool is made, opened or closed at a time.
            JournalPlace::Host | JournalPlace::Run => {
                self.plan.touches.iter().find_map(|entity| entity.pool())
            }
        }
    }

    /// The record as people are shown it. Whether its steps can be taken back is all that
    /// `undoable` can tell without inspecting the rest of the history and the host.
    pub fn view(&self) -> HistoryRecord {
        let Header {
            id,
            command,
            cli,
            uid,
            pid,
            undoes,
            ..
        } = self.header.clone();
        let state = self.ending.state;
        HistoryRecord {
            id,
            time: self.ending.ended,
            pool: self.pool().cloned(),
            command,
            cli,
            uid,
            pid,
            state,
            failure: self.ending.failure.clone(),
            undoes,
            recovered: self.ending.recovered,
            undoable: state == OperationState::Finished && self.plan.undo().is_ok(),
        }
    }
}
