//! Commands about user attributes, the same for every kind of entity.

use os_types::{AttrKey, ContainerName, GroupName, IdRangeName, PoolName, UserName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire;

/// Whose attribute is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AttrTarget {
    /// A pool.
    Pool {
        /// Its name.
        pool: PoolName,
    },
    /// An id range.
    IdRange {
        /// Its pool; default: the first that has such a range.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pool: Option<PoolName>,
        /// Its name.
        name: IdRangeName,
    },
    /// A user.
    User {
        /// Its pool; default: the first that has such a user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pool: Option<PoolName>,
        /// Its name.
        name: UserName,
    },
    /// A group.
    Group {
        /// Its pool; default: the first that has such a group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pool: Option<PoolName>,
        /// Its name.
        name: GroupName,
    },
    /// A container.
    Container {
        /// Its pool; default: the first that has such a container.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pool: Option<PoolName>,
        /// Its id.
        name: ContainerName,
    },
}

/// Set a user attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttrSet {
    /// Of what.
    #[serde(deserialize_with = "wire::object")]
    pub target: AttrTarget,
    /// The key, `vendor:key`.
    pub key: AttrKey,
    /// The value, at most 16 KiB.
    #[schemars(length(max = 16_384))]
    pub value: String,
}

/// Unset a user attribute; one that is not set is no error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttrUnset {
    /// Of what.
    #[serde(deserialize_with = "wire::object")]
    pub target: AttrTarget,
    /// The key, `vendor:key`.
    pub key: AttrKey,
}
