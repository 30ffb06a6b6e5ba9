//! Domain: runs plans. Journal, locks, deadlines, undo, events, history, recovery.
//!
//! A command comes as [`OperationRequest`]: its client, the entities it uses, and its planner. The engine
//! acquires the locks of these entities, makes the plan, writes it into a journal, and applies
//! step after step through a [`Host`]. Whatever happens, each operation ends in one of four ways:
//!
//! ```text
//!   queued ──turn──> running ──all steps──────────────────────> finished
//!     │                 └─a step fails, cancel, deadline─┐
//!     │                                             reverting ──> reverted
//!     │                                                  ├──cancel──> cancelled
//!     └──cancel, deadline, refused──> cancelled, failed  └──stuck───> failed
//! ```
//!
//! Not after a crash either: [`Engine::recover`] reads the journals that are still there and brings
//! their operations to one of these ends through the same code.
//!
//! What this is not: it knows nothing of pools, files, LXC or HTTP. What a step does is the business
//! of the [`Host`]; which steps a command has, of `os-core`; where journals are, of the wiring.
//!
//! Invariants:
//!
//! - the world is not touched before the begin of the journal is durable;
//! - a step's intent is written only when the step was seen in its initial state, so the rollback never
//!   undoes what somebody else did (`executor`);
//! - the order of locks exists in one place (`locks`), as does the order of what is synced
//!   (`journal`);
//! - while an entity of a pool is changed, no operation changes the pool itself (`locks`);
//! - an operation that has ended is in the history once, and its journal is gone;
//! - nothing is unbounded: queues, operations, events, what is remembered ([`Limits`]);
//! - no file is open between operations.
//!
//! Start reading at `executor`, the heart; then `engine/run`, the life of one operation; then
//! `recover`. Decisions: ADR-3 (locks), ADR-4 (plans and journal).
//!
//! [`Plan`]: os_types::Plan
#![forbid(unsafe_code)]

mod cancellation;
mod control;
mod engine;
mod events;
mod executor;
pub mod fault;
mod history;
mod host;
mod journal;
mod locks;
mod operation_table;
mod recover;
mod request;
mod slots;
mod threads;
mod undo;

#[cfg(test)]
mod fake;

pub use cancellation::Cancellation;
pub use engine::{Engine, Identity, Limits, Setup};
pub use events::{Events, Subscription};
pub use fault::{FaultAction, FaultPlan, Faults};
pub use history::History;
pub use host::{Host, Outcome, Reservation, StepCheck, StepContext};
pub use journal::{Ending, Header, JournalDirs, JournalError, Record};
pub use request::{DEADLINE, OperationRequest, Planned, Planner, Strength};
pub use slots::Slot;
pub use undo::UndoTarget;
