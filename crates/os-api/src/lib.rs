//! Words of the API: every request, answer, event and endpoint, declared once.
//!
//! The server, the client and the OpenAPI document are made from the declarations here, so they
//! cannot disagree (ADR-1).
//!
//! ```text
//!   command    what changes something: one struct a command, POST /v1/commands/<name>
//!   settings   the table of container settings, for commands, documents, views and osctl
//!   part       keyed parts of containers, groups and pools: prlimits
//!   started_with  what a running container was started with, for what is pending
//!   view       what reading endpoints answer: Pool, User, Group, IdRange, Asset, ...
//!   operation  a command on its way: Operation, HistoryRecord, Queue
//!   event      the stream of /v1/events
//!   problem    errors as RFC 9457 problem documents
//!   wire       how values are read, and the bounds that are not in a type
//!   endpoint   method, path, query, body, answer of each address
//!   openapi    the document made of all that
//! ```
//!
//! A mutating command is data ([`Command`]): the CLI fills one in, the daemon compiles it into a
//! plan. `POST /v1/commands/<name>` answers with an [`Operation`], `POST /v1/plans/<name>` with the
//! plan alone.
//!
//! Adding a command: a struct in `command/`, a line in the table of `command.rs`, a planner in
//! `os-core`, a file in `osctl` (docs: *how to add a command*).
#![forbid(unsafe_code)]

pub mod command;
pub mod endpoint;
pub mod event;
pub mod exec;
pub mod openapi;
pub mod operation;
pub mod part;
pub mod problem;
pub mod settings;
pub mod started_with;
pub mod view;
pub mod wire;

pub use command::Command;
pub use endpoint::{Endpoint, Method};
pub use event::{Event, EventBody};
pub use openapi::openapi;
pub use operation::{
    CommandPlan, HistoryRecord, Operation, OperationState, Queue, StepState, StepStatus, TurnHolder,
};
pub use problem::Problem;
