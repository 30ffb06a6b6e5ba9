//! Events: the stream of `/v1/events`.

use jiff::Timestamp;
use os_types::{ContainerName, ContainerState, EntityRef, Failure, OpId, PoolName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::operation::OperationState;
use crate::view::{DaemonState, PoolState};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Rises by one with each event of a run of the daemon; the id of the server-sent event.
    pub revision: u64,
    /// When it happened.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum EventBody {
    /// An operation came into another state.
    Operation {
        /// Its id.
        id: OpId,
        /// Its command.
        command: String,
        /// Its command line, secrets removed.
        cli: String,
        /// The state it is in now.
        state: OperationState,
        /// Why it did not finish.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// An operation begins a step, or a step that takes long says what it does.
    Progress {
        /// Its id.
        id: OpId,
        /// Steps done.
        done: u32,
        /// Steps in all.
        total: u32,
        /// True if this is the begin of a step; false for what a step does meanwhile.
        #[serde(default)]
        begins: bool,
        /// What it does now.
        text: String,
    },
    /// An entity appeared, changed or disappeared.
    Entity {
        /// The entity.
        entity: EntityRef,
        /// What happened to it.
        change: EntityChange,
    },
    /// A pool came into another state.
    Pool {
        /// The pool.
        pool: PoolName,
        /// Its state now.
        state: PoolState,
    },
    /// A container came into another state.
    Container {
        /// Its pool.
        pool: PoolName,
        /// The container.
        name: ContainerName,
        /// Its state now.
        state: ContainerState,
        /// Its init, while it runs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        init_pid: Option<u32>,
    },
    /// A container has ended.
    ContainerExit {
        /// Its pool.
        pool: PoolName,
        /// The container.
        name: ContainerName,
        /// Whether it stays stopped.
        exit: ExitKind,
    },
    /// The daemon came into another state.
    Daemon {
        /// Its state now.
        state: DaemonState,
    },
    /// Events were lost: the client was too slow, or asked for revisions that are gone. What it
    /// knows may be out of date; it should list again.
    Gap {
        /// The first revision that follows.
        resumed_at: u64,
    },
}

/// What comes after the end of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExitKind {
    /// It stays stopped.
    Halt,
    /// Its guest asked for a reboot: it is started again.
    Reboot,
}

/// What happened to an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EntityChange {
    /// It is new.
    Added,
    /// It has changed.
    Changed,
    /// It is gone.
    Removed,
}
