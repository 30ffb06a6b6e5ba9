//! Operations: commands on their way, and their history.

use jiff::Timestamp;
use os_types::{EntityRef, Failure, OpId, Plan, PoolName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a command would do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandPlan {
    /// Its steps and what they touch.
    #[serde(flatten)]
    pub plan: Plan,
    /// The operation that `undo` would take back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<OpId>,
}

/// Where an operation is.
///
/// ```text
///   queued ──> running ──> finished
///     │           └──────> reverting ──> reverted | cancelled | failed
///     └──────────────────────────────────────────> cancelled | failed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OperationState {
    /// It waits for its turn with what it touches.
    Queued,
    /// Its steps are being applied.
    Running,
    /// A step failed or it was cancelled; what was done is being taken back.
    Reverting,
    /// All steps were applied.
    Finished,
    /// It failed and nothing of it is left.
    Reverted,
    /// It was cancelled and nothing of it is left.
    Cancelled,
    /// It failed; either before the first step, or something could not be taken back: `failure`
    /// says what.
    Failed,
}

impl OperationState {
    /// True once nothing more will happen.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Finished | Self::Reverted | Self::Cancelled | Self::Failed
        )
    }
}

/// Where a step of an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Its turn has not come.
    Pending,
    /// It is being applied.
    Running,
    /// It was applied.
    Done,
    /// There was nothing to do.
    Unchanged,
    /// It failed.
    Failed,
    /// It was applied and taken back.
    Reverted,
}

/// A step of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepStatus {
    /// What it does, e.g. `create file tank:conf/user/alice.toml`.
    pub text: String,
    /// Where it is.
    pub state: StepState,
}

/// A command on its way or at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Operation {
    /// Its id.
    pub id: OpId,
    /// The command, e.g. `user-new`.
    pub command: String,
    /// The command line as given, secrets removed.
    pub cli: String,
    /// Where it is.
    pub state: OperationState,
    /// User id of the client.
    pub uid: u32,
    /// Process id of the client, 0 for the daemon itself.
    pub pid: i32,
    /// What it touches.
    pub touches: Vec<EntityRef>,
    /// When it was accepted.
    #[schemars(with = "String")]
    pub created: Timestamp,
    /// When its turn came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub ended: Option<Timestamp>,
    /// Its steps; empty while queued.
    pub steps: Vec<StepStatus>,
    /// While queued or running: what it waits for right now, e.g. `user tank:alice, held by
    /// 20261122-213015.123-4f2a since 3 s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// After it was cancelled, until it ends: what happens now, e.g. `step 2 of 3, stop container
    /// tank:web, is interrupted; then what was done before is taken back`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelling: Option<String>,
    /// What was not done although the operation goes on, and why, e.g. `/etc/hosts was left alone: its
    /// owner may not write it`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Why it did not finish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The operation it undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<OpId>,
    /// True if a restarted daemon brought it to its end.
    #[serde(default)]
    pub recovered: bool,
}

/// An ended operation as the history has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryRecord {
    /// Id of the operation.
    pub id: OpId,
    /// When it ended.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// The pool whose history it is in; none for what concerned the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// The command, e.g. `user-new`.
    pub command: String,
    /// The command line as given, secrets removed.
    pub cli: String,
    /// User id of the client.
    pub uid: u32,
    /// Process id of the client, 0 for the daemon itself.
    pub pid: i32,
    /// How it ended.
    pub state: OperationState,
    /// Why it did not finish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The operation it undid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<OpId>,
    /// True if a restarted daemon brought it to its end.
    #[serde(default)]
    pub recovered: bool,
    /// True if `undo` could revert it, judging by its steps.
    pub undoable: bool,
}

/// The operations that hold the lock of an entity, and those that wait for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Queue {
    /// The entity.
    pub entity: EntityRef,
    /// The operations that have it, the one that has had it longest first: several only if they
    /// share it.
    pub holders: Vec<TurnHolder>,
    /// True for a pool that the holders only keep in place while they change something on it.
    pub shared: bool,
    /// The operations that wait for it, first come first.
    pub waiting: Vec<OpId>,
}

/// An operation that holds the lock of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TurnHolder {
    /// The operation.
    pub operation: OpId,
    /// Since when.
    #[schemars(with = "String")]
    pub since: Timestamp,
}
