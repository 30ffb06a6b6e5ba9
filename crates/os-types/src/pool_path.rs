//! Paths of files on a pool, independent of where the pool is mounted.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::names::{NameError, PoolName};

/// A file or directory of osctl on a pool, e.g. `tank:conf/user/alice.toml`.
///
/// A journal that holds such paths can be replayed wherever the pool is mounted. The part below
/// the pool has only plain components (no `.`, `..`, empty ones or control bytes) and at most 1024
/// bytes, so joining it to a mountpoint cannot leave the pool.
///
/// *Shape*: text `pool:relative/path`; relative `""` is the pool's own directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PoolPath {
    pool: PoolName,
    relative: String,
}

impl PoolPath {
    /// The file `relative` of `pool`.
    ///
    /// # Errors
    /// When a component is not plain.
    pub fn new(pool: &PoolName, relative: impl Into<String>) -> Result<Self, NameError> {
        let relative = relative.into();
        let plain = |part: &str| {
            !part.is_empty() && part != "." && part != ".." && !part.contains(char::is_control)
        };
        if relative.len() > 1024 {
            return Err(NameError::new("pool path", &relative, "is too long"));
        }
        if !relative.is_empty() && !relative.split('/').all(plain) {
            return Err(NameError::new(
                "pool path",
                &relative,
                "has a component that is not plain",
            ));
        }
        Ok(Self {
            pool: pool.clone(),
            relative,
        })
    }

    /// The pool.
    pub fn pool(&self) -> &PoolName {
        &self.pool
    }

    /// The path below the pool.
    pub fn relative(&self) -> &str {
        &self.relative
    }

    /// The path on the host when the pool's directory is `mountpoint`.
    pub fn below(&self, mountpoint: &Path) -> PathBuf {
        if self.relative.is_empty() {
            mountpoint.into()
        } else {
            mountpoint.join(&self.relative)
        }
    }
}

impl fmt::Display for PoolPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.pool, self.relative)
    }
}

impl TryFrom<String> for PoolPath {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        let Some((pool, relative)) = text.split_once(':') else {
            return Err(NameError::new(
                "pool path",
                &text,
                "must have the form pool:path",
            ));
        };
        Self::new(&pool.parse()?, relative)
    }
}

impl From<PoolPath> for String {
    fn from(path: PoolPath) -> Self {
        path.to_string()
    }
}

impl schemars::JsonSchema for PoolPath {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PoolPath".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cannot_leave_the_pool() {
        let pool: PoolName = "tank".parse().unwrap();
        assert_eq!(
            PoolPath::new(&pool, "conf/a")
                .unwrap()
                .below(Path::new("/m")),
            Path::new("/m/conf/a")
        );
        assert_eq!(
            PoolPath::new(&pool, "").unwrap().below(Path::new("/m")),
            Path::new("/m")
        );
        for bad in ["/etc", "a/../b", "..", "a//b", "a/", "a\nb"] {
            PoolPath::new(&pool, bad).unwrap_err();
        }
    }
}
