//! Domain: pools, id ranges, users and groups; from what is wanted and what is there to a plan.
//!
//! ```text
//!   files of a pool ──load──> State ──┐
//!                                     ├──plan(command)──> Plan ──(engine)──> files of a pool
//!   files of the host ─parse─> Facts ─┘                                            │
//!                              State <──────────────apply_file─────────────────────┘
//! ```
//!
//! - [`document`]: what the TOML files of a pool hold, one type a file;
//! - [`layout`]: which directories and files a pool has, and whose a file is;
//! - [`state`]: the files of all imported pools in memory, cheap to clone for readers;
//! - [`facts`]: what has to be known of the host, and [`accounts`], our lines in its files;
//! - [`claim`]: owners of host ids, the base of every guarantee that maps are disjoint;
//! - [`plan()`]: a command becomes steps, one file a command;
//! - [`view`]: the state as the API shows it;
//! - [`asset`]: what each entity expects to exist, and whether the host agrees.
//!
//! What this is not: nothing here changes anything, and only [`state::PoolState::load_dir`] and the
//! two functions of [`asset::probe`] read anything. There is no socket, process, clock or storage,
//! so all of it is tested without root.
//!
//! Invariants:
//!
//! - [`state::State`] is a cache of files: the same files give the same state, in whatever order
//!   they were applied;
//! - a file that cannot be read disables its own entity and nothing else, and says file and line;
//! - the host ids of all enabled users are pairwise disjoint, and disjoint from what the host has;
//! - a plan is made of steps whose inverses restore every file as it was.
//!
//! Start reading at [`plan()`] and follow one command, e.g. `plan/group_new.rs`.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod asset;
pub mod claim;
pub mod document;
pub mod facts;
pub mod layout;
pub mod plan;
pub mod state;
#[cfg(test)]
mod testing;
pub mod view;

pub use accounts::{Account, AccountLines, Accounts, Registrar};
pub use claim::{Claims, Holder};
pub use document::{ContainerDoc, GroupDoc, HostMark, IdRangeDoc, PoolDoc, UserDoc};
pub use facts::{
    Facts, ForeignIds, ImageFact, KnownSource, Running, RunningIds, StorageFacts, ViewFacts,
};
pub use plan::{check_undo, plan};
pub use state::{Changed, Entry, LookupError, PoolState, State};
