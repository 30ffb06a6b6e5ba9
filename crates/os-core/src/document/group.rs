//! `conf/group/<path>/config.toml`: a group.

use os_api::part::{Keyed, Prlimits};
use os_api::view::Attrs;
use os_store::Document;
use os_store::document::Migration;
use serde::{Deserialize, Serialize};

use super::migrate;

/// A group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupDoc {
    /// Limits of the processes of containers that set no others.
    #[serde(default, skip_serializing_if = "Keyed::<Prlimits>::is_empty")]
    pub prlimits: Keyed<Prlimits>,
    /// User attributes.
    #[serde(default, skip_serializing_if = "Attrs::is_empty")]
    pub attrs: Attrs,
}

impl Document for GroupDoc {
    const SCHEMA: u32 = 2;
    const KIND: &'static str = "group";

    fn migrations() -> &'static [Migration] {
        migrate::PARTS
    }
}
