//! What reading endpoints answer.

pub mod asset;
pub mod container;
pub mod daemon;
pub mod figures;
pub mod group;
pub mod id_range;
pub mod pool;
pub mod user;

use std::collections::BTreeMap;

pub use asset::{Asset, AssetKind, AssetState};
pub use container::{Container, ContainerConfig, ContainerLog, Readiness, ReadyState};
pub use daemon::{CodeInfo, DaemonState, DaemonStatus, Ping};
pub use figures::Figures;
pub use group::Group;
pub use id_range::{IdRange, IdSegment, SegmentKind};
use os_types::{AttrKey, Failure};
pub use pool::{Pool, PoolSource, PoolState, SourceKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use user::User;

/// User attributes of an entity.
pub type Attrs = BTreeMap<AttrKey, String>;

/// Whether an entity can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// It can.
    Ok,
    /// It can, but something on it cannot. Only pools are degraded.
    Degraded,
    /// It cannot, until what `failure` says is repaired. Everything else works on.
    Disabled,
}

impl Health {
    /// The health of something that this is wrong with.
    pub const fn of(failure: Option<&Failure>) -> Self {
        match failure {
            None => Self::Ok,
            Some(_) => Self::Disabled,
        }
    }
}
