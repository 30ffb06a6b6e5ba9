//! `conf/group/<path>/config.toml`: a group. Limits and devices come with a later schema.

use os_api::view::Attrs;
use os_store::Document;
use serde::{Deserialize, Serialize};

/// A group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupDoc {
    /// User attributes.
    #[serde(default, skip_serializing_if = "Attrs::is_empty")]
    pub attrs: Attrs,
}

impl Document for GroupDoc {
    const SCHEMA: u32 = 1;
    const KIND: &'static str = "group";
}
