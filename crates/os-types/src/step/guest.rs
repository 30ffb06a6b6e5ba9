//! The step that tells a guest its name and resolvers.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Durability, StepKind};
use crate::container::ContainerName;
use crate::hostname::Hostname;
use crate::names::PoolName;

/// The name and the resolvers of a container as its guest has them in its files, and in its kernel if
/// it runs. The files belong to the guest: a file that cannot be written is no failure, for all of
/// them are written again at each start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GuestStep {
    /// The pool.
    pub pool: PoolName,
    /// The container.
    pub container: ContainerName,
    /// The settings before.
    pub before: GuestSettings,
    /// The settings after. A name that is unset is the container's id again; for resolvers that are
    /// unset the guest gets its own file back.
    pub after: GuestSettings,
}

impl StepKind for GuestStep {
    const DURABILITY: Durability = Durability::Durable;

    fn inverse(&self) -> Option<Self> {
        let (before, after) = (self.after.clone(), self.before.clone());
        Some(Self {
            before,
            after,
            ..self.clone()
        })
    }

    fn line(&self) -> String {
        let (pool, container) = (&self.pool, &self.container);
        format!("write name and resolvers inside container {pool}:{container}")
    }
}

/// Settings of a container that are written into files of its guest.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct GuestSettings {
    /// Its host name; absent if the guest chooses its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Hostname>,
    /// Its DNS resolvers; empty if the guest chooses its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_resolvers: Vec<IpAddr>,
}
