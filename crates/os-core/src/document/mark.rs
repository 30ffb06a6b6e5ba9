//! `conf/pool/host.toml`: the mark of the host that has a pool open.

use jiff::Timestamp;
use os_store::Document;
use serde::{Deserialize, Serialize};

/// The host that imported the pool and has not exported it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostMark {
    /// What the host is identified by permanently (`machine-id(5)`); decides whose mark it is.
    pub host_id: String,
    /// Its name, for people.
    pub hostname: String,
    /// The boot in which it imported the pool (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
    /// When it did.
    pub since: Timestamp,
}

impl Document for HostMark {
    const SCHEMA: u32 = 1;
    const KIND: &'static str = "host mark";
}
