//! What a guest is told of itself.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::hostname::Hostname;

/// Settings of a container that are written into files of its guest.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct GuestSettings {
    /// Its name; none: it has chosen its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Hostname>,
    /// Its DNS resolvers; none: it has chosen its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_resolvers: Vec<IpAddr>,
}
