//! `pool:id` arguments.

use std::fmt;
use std::path::{Component, Path};
use std::str::FromStr;

use os_types::{HostPath, NameError, PoolName};

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

impl<N: FromStr<Err = NameError>> FromStr for Ref<N> {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // No name of an entity contains a colon, so the first one ends the pool.
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

/// A path that means the same to the daemon, which has another working directory.
pub(crate) fn host_path(text: &str) -> Result<HostPath, NameError> {
    let path = Path::new(text);
    let climbs = path.components().any(|part| part == Component::ParentDir);
    // A `..` behind a symlink leads elsewhere than its text says, so the kernel resolves it.
    let found = if climbs {
        path.canonicalize()
    } else {
        std::path::absolute(path)
    };
    let refuse = |_not_found| NameError::new("path", text, "does not lead to anything");
    found.map_err(refuse)?.to_string_lossy().parse()
}

#[cfg(test)]
mod tests {
    use os_types::{GroupName, UserName};

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
