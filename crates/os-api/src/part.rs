//! Keyed parts: what a container, a group or a pool has several of, each under a key.
//!
//! A part is a table of tables in the document of its owner, `[prlimits.nofile]`. A container
//! inherits the parts of its group, of the groups above that, and the defaults of its pool; an
//! entry of its own hides an inherited one with the same key. The planner, the views and the
//! commands of `osctl` are generic over [`Part`]; a new part is one implementation of it, and what
//! it does in a container.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use os_types::{ContainerName, GroupName, PoolName, Prlimit, PrlimitName};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::settings::Effect;
use crate::wire;

/// The keys whose values differ between two tables, in order.
pub fn differing<P: Part>(now: &Keyed<P>, then: &Keyed<P>) -> Vec<P::Key> {
    let keys: BTreeSet<_> = now.keys().chain(then.keys()).collect();
    let differs = |key: &&P::Key| now.get(key) != then.get(key);
    keys.into_iter().filter(differs).cloned().collect()
}

/// A kind of keyed part.
pub trait Part: Sized + 'static {
    /// What distinguishes the entries of an owner.
    type Key: Clone + Ord + fmt::Debug + fmt::Display + Serialize + DeserializeOwned + JsonSchema;
    /// What an entry holds.
    type Value: Clone + Eq + fmt::Debug + Serialize + DeserializeOwned + JsonSchema;
    /// Its table in documents and views, e.g. `prlimits`.
    const TABLE: &'static str;
    /// When a change takes effect in a container that runs.
    const EFFECT: Effect;

    /// The entries that every container has unless something else is set.
    fn built_in() -> Keyed<Self>;
}

/// The entries of an owner.
pub type Keyed<P> = BTreeMap<<P as Part>::Key, <P as Part>::Value>;

/// Limits of the processes of a container, `setrlimit(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
pub struct Prlimits;

impl Part for Prlimits {
    type Key = PrlimitName;
    type Value = Prlimit;
    const TABLE: &'static str = "prlimits";
    const EFFECT: Effect = Effect::NextStart;

    /// The open files of vpsAdminOS.
    fn built_in() -> Keyed<Self> {
        use os_types::LimitValue::Limited;
        let files = Prlimit::new(Limited(1024), Limited(1_048_576));
        files
            .ok()
            .map(|files| (PrlimitName::Nofile, files))
            .into_iter()
            .collect()
    }
}

/// The owner of a keyed part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PartOwner {
    /// A pool: its entries are defaults for everything on it.
    Pool {
        /// Its name.
        pool: PoolName,
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

/// Set an entry of a keyed part; one with the same key is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound = "")]
#[schemars(rename = "{P}Set", bound = "P: JsonSchema")]
pub struct PartSet<P: Part> {
    /// The owner.
    #[serde(deserialize_with = "wire::object")]
    pub owner: PartOwner,
    /// The key.
    pub key: P::Key,
    /// The value.
    pub value: P::Value,
}

/// Remove an entry of a keyed part, so that an inherited one applies; a missing entry is not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound = "")]
#[schemars(rename = "{P}Unset", bound = "P: JsonSchema")]
pub struct PartUnset<P: Part> {
    /// The owner.
    #[serde(deserialize_with = "wire::object")]
    pub owner: PartOwner,
    /// The key.
    pub key: P::Key,
}

/// An entry of a keyed part as it applies to its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(bound = "")]
#[schemars(rename = "{P}Entry", bound = "P: JsonSchema")]
pub struct PartEntry<P: Part> {
    /// The key.
    pub key: P::Key,
    /// The value that applies.
    pub value: P::Value,
    /// Where it comes from: `container`, `group /a`, `pool`, or `default`.
    pub from: Cow<'static, str>,
    /// Whether it differs from what the container was started with.
    #[serde(default)]
    pub pending: bool,
}
