//! `conf/pool/config.toml`: settings of a pool.

use std::num::NonZeroU32;

use os_api::part::{Keyed, Prlimits};
use os_api::view::Attrs;
use os_store::Document;
use os_store::document::Migration;
use serde::{Deserialize, Serialize};

use super::migrate;

/// Settings of a pool; what is absent is at its default.
///
/// *Shape*: `parallel_start = 8`, and a table `[attrs]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolDoc {
    /// How many containers are started at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel_start: Option<NonZeroU32>,
    /// How many containers are stopped at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel_stop: Option<NonZeroU32>,
    /// Limits of the processes of containers that set no others.
    #[serde(default, skip_serializing_if = "Keyed::<Prlimits>::is_empty")]
    pub prlimits: Keyed<Prlimits>,
    /// User attributes.
    #[serde(default, skip_serializing_if = "Attrs::is_empty")]
    pub attrs: Attrs,
}

impl Document for PoolDoc {
    const SCHEMA: u32 = 2;
    const KIND: &'static str = "pool settings";

    fn migrations() -> &'static [Migration] {
        migrate::PARTS
    }
}

impl PoolDoc {
    /// How many containers are started at the same time; 8 unless set. Half of a start is waiting for the
    /// kernel, so two at a time would not keep two processors busy.
    pub fn parallel_start(&self) -> u32 {
        self.parallel_start.map_or(8, NonZeroU32::get)
    }

    /// How many containers are stopped at the same time; 4 unless set.
    pub fn parallel_stop(&self) -> u32 {
        self.parallel_stop.map_or(4, NonZeroU32::get)
    }
}
