//! `pool:id` arguments.

use std::ffi::OsStr;
use std::fmt;
use std::str::FromStr;

use clap_complete::CompletionCandidate;
use os_api::command::attr::AttrTarget;
use os_api::endpoint::AssetsOf;
use os_types::{ContainerName, GroupName, IdRangeName, NameError, PoolName, UserName};

use crate::context::Ctx;
use crate::fault::Fault;
use crate::{complete, reading};

/// An entity on a pool as people name it: `alice` or `tank:alice`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ref<N> {
    /// The pool, if it was said.
    pub(crate) pool: Option<PoolName>,
    /// The name on the pool.
    pub(crate) name: N,
}

impl<N> Ref<N> {
    /// The same; a pool that was not said is `default`, the option `--pool`.
    pub(crate) fn or_pool(mut self, default: Option<&PoolName>) -> Self {
        self.pool = self.pool.or_else(|| default.cloned());
        self
    }
}

impl<N: PartialEq> Ref<N> {
    /// Whether it means `name` on `pool`; without a pool it means that of every pool.
    pub(crate) fn fits(&self, pool: &PoolName, name: &N) -> bool {
        self.name == *name && self.pool.as_ref().is_none_or(|own| own == pool)
    }
}

impl<N: FromStr<Err = NameError>> FromStr for Ref<N> {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // No name of ours contains a colon, so the first one ends the pool.
        let (pool, name) = match text.split_once(':') {
            Some((pool, name)) => (Some(pool.parse()?), name),
            None => (None, text),
        };
        Ok(Self {
            pool,
            name: name.parse()?,
        })
    }
}

impl<N: fmt::Display> fmt::Display for Ref<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pool {
            Some(pool) => write!(f, "{pool}:{}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_may_lead() {
        let user: Ref<UserName> = "tank:alice".parse().unwrap();
        assert_eq!(user.to_string(), "tank:alice");
        let group: Ref<GroupName> = "/a/b".parse().unwrap();
        assert_eq!(group.pool, None);
        let tank: PoolName = "tank".parse().unwrap();
        assert_eq!(group.or_pool(Some(&tank)).to_string(), "tank:/a/b");
        for bad in ["tank:", ":alice", "tank:a:b", "a b", ""] {
            bad.parse::<Ref<UserName>>().unwrap_err();
        }
    }
}
