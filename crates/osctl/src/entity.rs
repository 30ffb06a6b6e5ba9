//! Arguments that name an entity of some kind, for the commands that all kinds have.

use std::ffi::OsStr;
use std::str::FromStr;

use clap_complete::CompletionCandidate;
use os_api::command::attr::AttrTarget;
use os_api::endpoint::AssetsOf;
use os_api::part::{PartEntry, PartOwner, Prlimits};
use os_types::{ContainerName, GroupName, IdRangeName, NameError, PoolName, UserName};

use crate::context::Ctx;
use crate::fault::Fault;
use crate::target::Ref;
use crate::{complete, reading};

/// An argument that names an entity of some kind.
pub(crate) trait Target: FromStr<Err = NameError> + Clone + Send + Sync + 'static {
    /// The kind, as the API has it.
    const KIND: AssetsOf;

    /// The entity of a command about attributes.
    fn attr_target(self, default: Option<&PoolName>) -> AttrTarget;

    /// Where it is found: its pool, and its name unless it is a pool.
    ///
    /// # Errors
    /// When there is no such entity.
    fn find(self, ctx: &mut Ctx) -> Result<(PoolName, Option<String>), Fault>;

    /// Values for the shell's completion.
    fn complete(current: &OsStr) -> Vec<CompletionCandidate>;
}

impl Target for PoolName {
    const KIND: AssetsOf = AssetsOf::Pool;

    fn attr_target(self, _default: Option<&PoolName>) -> AttrTarget {
        AttrTarget::Pool { pool: self }
    }

    fn find(self, ctx: &mut Ctx) -> Result<(PoolName, Option<String>), Fault> {
        Ok((reading::pool(ctx, self)?.name, None))
    }

    fn complete(current: &OsStr) -> Vec<CompletionCandidate> {
        complete::pools(current)
    }
}

/// The entities that lie on a pool, all alike.
macro_rules! on_pool {
    ($($name:ident, $kind:ident, $read:ident, $complete:ident;)*) => {$(
        impl Target for Ref<$name> {
            const KIND: AssetsOf = AssetsOf::$kind;

            fn attr_target(self, default: Option<&PoolName>) -> AttrTarget {
                let Self { pool, name } = self.or_pool(default);
                AttrTarget::$kind { pool, name }
            }

            fn find(self, ctx: &mut Ctx) -> Result<(PoolName, Option<String>), Fault> {
                let found = reading::$read(ctx, self)?;
                Ok((found.pool, Some(found.name.into())))
            }

            fn complete(current: &OsStr) -> Vec<CompletionCandidate> {
                complete::$complete(current)
            }
        }
    )*};
}

on_pool! {
    UserName, User, user, users;
    GroupName, Group, group, groups;
    IdRangeName, IdRange, id_range, id_ranges;
    ContainerName, Container, container, containers;
}

/// A [`Target`] that has keyed parts.
pub(crate) trait PartTarget: Target {
    /// The owner in a command about parts.
    fn owner(self, default: Option<&PoolName>) -> PartOwner;

    /// The limits of processes that apply to it.
    fn prlimits(self, ctx: &mut Ctx) -> Result<Vec<PartEntry<Prlimits>>, Fault>;
}

impl PartTarget for PoolName {
    fn owner(self, _default: Option<&PoolName>) -> PartOwner {
        PartOwner::Pool { pool: self }
    }

    fn prlimits(self, ctx: &mut Ctx) -> Result<Vec<PartEntry<Prlimits>>, Fault> {
        Ok(reading::pool(ctx, self)?.prlimits)
    }
}

/// The owners that lie on a pool, all alike.
macro_rules! part_owners {
    ($($name:ident, $kind:ident, $read:ident;)*) => {$(
        impl PartTarget for Ref<$name> {
            fn owner(self, default: Option<&PoolName>) -> PartOwner {
                let Self { pool, name } = self.or_pool(default);
                PartOwner::$kind { pool, name }
            }

            fn prlimits(self, ctx: &mut Ctx) -> Result<Vec<PartEntry<Prlimits>>, Fault> {
                Ok(reading::$read(ctx, self)?.prlimits)
            }
        }
    )*};
}

part_owners! {
    GroupName, Group, group;
    ContainerName, Container, container;
}
