//! Arguments that name an entity of some kind, for the commands that all kinds have.

use std::ffi::OsStr;
use std::str::FromStr;

use clap_complete::CompletionCandidate;
use os_api::Command;
use os_api::command::attr::AttrTarget;
use os_api::command::{GroupDel, IdRangeDel, UserDel};
use os_api::endpoint::AssetsOf;
use os_api::part::{PartEntry, PartOwner, Prlimits};
use os_api::view;
use os_types::{ContainerName, GroupName, IdRangeName, NameError, PoolName, UserName};

use crate::context::Ctx;
use crate::fault::Fault;
use crate::listing::Row;
use crate::target::Ref;
use crate::{complete, reading};

/// An argument that names an entity of some kind.
pub(crate) trait Target: FromStr<Err = NameError> + Clone + Send + Sync + 'static {
    /// The kind, as the API has it.
    const KIND: AssetsOf;

    /// What stands for it in a usage line.
    const PLACEHOLDER: &'static str;

    /// What the help says about the argument.
    const HELP: &'static str;

    /// What the API shows of such an entity.
    type View: Row;

    /// The entity of a command about attributes.
    fn attr_target(self, default: Option<&PoolName>) -> AttrTarget;

    /// Reads this one.
    ///
    /// # Errors
    /// When there is no such entity.
    fn read(self, ctx: &mut Ctx) -> Result<Self::View, Fault>;

    /// Reads those of the pool of `--pool`, or of all pools.
    fn read_all(ctx: &mut Ctx) -> Result<Vec<Self::View>, Fault>;

    /// Its pool and its name, which are the same for a pool.
    fn place(view: &Self::View) -> (&PoolName, &str);

    /// Whether this is the name of the entity that `place` says.
    fn is_at(&self, place: (&PoolName, &str)) -> bool;

    /// Values for the shell's completion.
    fn complete(current: &OsStr) -> Vec<CompletionCandidate>;
}

impl Target for PoolName {
    const KIND: AssetsOf = AssetsOf::Pool;
    const PLACEHOLDER: &'static str = "POOL";
    const HELP: &'static str = "Name of the pool";

    type View = view::Pool;

    fn attr_target(self, _default: Option<&PoolName>) -> AttrTarget {
        AttrTarget::Pool { pool: self }
    }

    fn read(self, ctx: &mut Ctx) -> Result<view::Pool, Fault> {
        reading::pool(ctx, self)
    }

    fn read_all(ctx: &mut Ctx) -> Result<Vec<view::Pool>, Fault> {
        reading::pools(ctx)
    }

    fn place(view: &view::Pool) -> (&PoolName, &str) {
        (&view.name, view.name.as_str())
    }

    fn is_at(&self, (pool, _): (&PoolName, &str)) -> bool {
        self == pool
    }

    fn complete(current: &OsStr) -> Vec<CompletionCandidate> {
        complete::pools(current)
    }
}

/// The entities of a pool, which are handled in the same way.
macro_rules! on_pool {
    ($($name:ident, $kind:ident, $read:ident, $read_all:ident, $placeholder:literal, $help:literal;)*) => {$(
        impl Target for Ref<$name> {
            const KIND: AssetsOf = AssetsOf::$kind;
            const PLACEHOLDER: &'static str = $placeholder;
            const HELP: &'static str = $help;

            type View = view::$kind;

            fn attr_target(self, default: Option<&PoolName>) -> AttrTarget {
                let Self { pool, name } = self.or_pool(default);
                AttrTarget::$kind { pool, name }
            }

            fn read(self, ctx: &mut Ctx) -> Result<view::$kind, Fault> {
                reading::$read(ctx, self)
            }

            fn read_all(ctx: &mut Ctx) -> Result<Vec<view::$kind>, Fault> {
                reading::$read_all(ctx)
            }

            fn place(view: &view::$kind) -> (&PoolName, &str) {
                (&view.pool, view.name.as_str())
            }

            fn is_at(&self, (pool, name): (&PoolName, &str)) -> bool {
                self.name.as_str() == name && self.pool.as_ref().is_none_or(|own| own == pool)
            }

            fn complete(current: &OsStr) -> Vec<CompletionCandidate> {
                complete::$read_all(current)
            }
        }
    )*};
}

on_pool! {
    UserName, User, user, users, "USER", "The user, [pool:]name";
    GroupName, Group, group, groups, "GROUP", "The group, [pool:]name";
    IdRangeName, IdRange, id_range, id_ranges, "RANGE", "The range, [pool:]name";
    ContainerName, Container, container, containers, "ID", "The container, [pool:]id";
}

/// A [`Target`] that one command deletes.
pub(crate) trait DelTarget: Target {
    /// The command that deletes it.
    fn del(self, default: Option<&PoolName>) -> Command;
}

/// A [`Target`] that has keyed parts.
pub(crate) trait PartTarget: Target {
    /// The owner in a command about parts.
    fn owner(self, default: Option<&PoolName>) -> PartOwner;

    /// The limits of processes that apply to it.
    fn prlimits(view: Self::View) -> Vec<PartEntry<Prlimits>>;
}

impl PartTarget for PoolName {
    fn owner(self, _default: Option<&PoolName>) -> PartOwner {
        PartOwner::Pool { pool: self }
    }

    fn prlimits(view: view::Pool) -> Vec<PartEntry<Prlimits>> {
        view.prlimits
    }
}

/// Implements a trait for kinds of entities on a pool whose commands differ in name only.
macro_rules! each_on_pool {
    (DelTarget: $($name:ident $command:ident,)*) => {$(
        impl DelTarget for Ref<$name> {
            fn del(self, default: Option<&PoolName>) -> Command {
                let Self { pool, name } = self.or_pool(default);
                $command { pool, name }.into()
            }
        }
    )*};
    (PartTarget: $($name:ident $kind:ident,)*) => {$(
        impl PartTarget for Ref<$name> {
            fn owner(self, default: Option<&PoolName>) -> PartOwner {
                let Self { pool, name } = self.or_pool(default);
                PartOwner::$kind { pool, name }
            }

            fn prlimits(view: view::$kind) -> Vec<PartEntry<Prlimits>> {
                view.prlimits
            }
        }
    )*};
}

each_on_pool! { DelTarget: UserName UserDel, GroupName GroupDel, IdRangeName IdRangeDel, }
each_on_pool! { PartTarget: GroupName Group, ContainerName Container, }
