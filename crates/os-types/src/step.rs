//! Changes as data: a step is a move between two states of one object.
//!
//! Each step names its object and both ends of the move, so that it can be
//!
//! - *repeated*: a host that is in the target state already answers "unchanged";
//! - *checked*: a host that is in neither state answers "conflict" and touches nothing;
//! - *inverted*: the inverse is the same step with the ends swapped. A step that destroys data
//!   has no inverse.
//!
//! Each kind is a struct in a file of its own, named as in the JSON form, and says all of this about
//! itself through [`StepKind`]; the table at the end of this file is the list of kinds. Steps are
//! written to journals and history; a kind, once released, keeps its meaning (ADR-4).

use std::fmt;

use serde::{Deserialize, Serialize};

// Declared here and not by the table: rustfmt formats only modules that it finds outside of macros.
mod account_files;
mod clone;
mod dataset;
mod dataset_name;
mod directory;
mod file;
mod freeze;
mod guest;
mod id_blocks;
mod image;
mod path_name;
mod pool_active;
mod pool_image;
mod pool_load;
mod pool_mark;
mod pool_open;
mod pool_prepare;
mod pool_reload;
mod pool_running;
mod pool_source;
mod pool_users;
mod property;
mod purge;
mod run;
mod system_user;

/// The end that a step which creates or removes something leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// The object exists afterwards.
    Present,
    /// The object does not exist afterwards.
    Absent,
}

impl Presence {
    /// The other end.
    #[must_use]
    pub const fn inverse(self) -> Self {
        self.pick(Self::Absent, Self::Present)
    }

    /// The value that belongs to this end.
    pub const fn pick<T: Copy>(self, present: T, absent: T) -> T {
        match self {
            Self::Present => present,
            Self::Absent => absent,
        }
    }
}

/// What a step changes, which decides where it is journaled and whether another boot replays it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Data on a pool or on a disk of the host.
    Durable,
    /// What only runs: it is made again from durable data when a pool is imported.
    Run,
    /// What only the daemon knows. It is gone with the daemon, so recovery applies such a step again,
    /// whatever the journal says.
    Memory,
}

/// What a kind of step says about itself.
pub trait StepKind: Clone {
    /// What it changes.
    const DURABILITY: Durability;

    /// The inverse step; `None` if the step destroys data.
    fn inverse(&self) -> Option<Self>;

    /// The inverse step for a later undo: as [`StepKind::inverse`], but `None` also if its
    /// object may contain new data by then.
    fn undo(&self) -> Option<Self> {
        self.inverse()
    }

    /// Whether a failed operation leaves the step as it is instead of taking it back (ADR-16).
    fn stays(&self) -> bool {
        false
    }

    /// A line for people in the imperative, e.g. `create file tank:conf/user/alice.toml`.
    fn line(&self) -> String;
}

/// The verb for a move between two optional values: created, changed or removed.
fn verb<T>(before: Option<&T>, after: Option<&T>, verbs: [&'static str; 3]) -> &'static str {
    let [create, change, remove] = verbs;
    match (before, after) {
        (None, _) => create,
        (Some(_), Some(_)) => change,
        (Some(_), None) => remove,
    }
}

/// Declares [`Step`] from the table of its kinds, and hands each question to the kind's own struct.
macro_rules! steps {
    ($($name:literal: $module:ident, $variant:ident($kind:ident))+) => {
        $(
            pub use self::$module::$kind;

            impl From<$kind> for Step {
                fn from(step: $kind) -> Self {
                    Self::$variant(step)
                }
            }
        )+

        /// One typed, idempotent change.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(tag = "step")]
        #[expect(missing_docs, reason = "each kind is described at its struct")]
        pub enum Step {
            $(#[serde(rename = $name)] $variant($kind),)+
        }

        impl Step {
            /// The names of all kinds, as [`Step::kind`] has them.
            pub const KINDS: &[&str] = &[$($name),+];

            /// The name of its kind, as in its serialised form, e.g. `system-user`.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)+
                }
            }

            /// The step back, see [`StepKind::inverse`].
            pub fn inverse(&self) -> Option<Self> {
                match self {
                    $(Self::$variant(step) => step.inverse().map(Self::$variant),)+
                }
            }

            /// The inverse step for a later undo, see [`StepKind::undo`].
            pub fn undo(&self) -> Option<Self> {
                match self {
                    $(Self::$variant(step) => step.undo().map(Self::$variant),)+
                }
            }

            /// Whether a failed operation leaves it as it is, see [`StepKind::stays`].
            pub fn stays(&self) -> bool {
                match self {
                    $(Self::$variant(step) => step.stays(),)+
                }
            }

            /// Whether it changes durable data or only what runs.
            pub fn durability(&self) -> Durability {
                match self {
                    $(Self::$variant(_) => $kind::DURABILITY,)+
                }
            }
        }

        /// See [`StepKind::line`].
        impl fmt::Display for Step {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant(step) => f.write_str(&step.line()),)+
                }
            }
        }
    };
}

steps! {
    "directory": directory, Directory(DirectoryStep)
    "file": file, File(FileStep)
    "path-name": path_name, PathName(PathNameStep)
    "dataset": dataset, Dataset(DatasetStep)
    "dataset-name": dataset_name, DatasetName(DatasetNameStep)
    "purge": purge, Purge(PurgeStep)
    "clone": clone, Clone(CloneStep)
    "image": image, Image(ImageStep)
    "property": property, Property(PropertyStep)
    "id-blocks": id_blocks, IdBlocks(IdBlocksStep)
    "system-user": system_user, SystemUser(SystemUserStep)
    "run": run, Run(RunStep)
    "freeze": freeze, Freeze(FreezeStep)
    "guest": guest, Guest(GuestStep)
    "pool-image": pool_image, PoolImage(PoolImageStep)
    "pool-source": pool_source, PoolSource(PoolSourceStep)
    "pool-open": pool_open, PoolOpen(PoolOpenStep)
    "pool-mark": pool_mark, PoolMark(PoolMarkStep)
    "pool-active": pool_active, PoolActive(PoolActiveStep)
    "pool-prepare": pool_prepare, PoolPrepare(PoolPrepareStep)
    "pool-running": pool_running, PoolRunning(PoolRunningStep)
    "pool-load": pool_load, PoolLoad(PoolLoadStep)
    "pool-users": pool_users, PoolUsers(PoolUsersStep)
    "pool-reload": pool_reload, PoolReload(PoolReloadStep)
    "account-files": account_files, AccountFiles(AccountFilesStep)
}

impl Step {
    /// Whether it only puts something out of use, which is removed when the whole plan has been
    /// applied (ADR-18).
    pub fn is_deferred(&self) -> bool {
        match self {
            Self::File(step) => step.after.is_none(),
            Self::Directory(step) => step.to == Presence::Absent,
            _ => false,
        }
    }
}

pub use self::guest::GuestSettings;

#[cfg(test)]
mod tests;
