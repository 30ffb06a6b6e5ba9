//! Which boot of which host this is.

use std::fs;
use std::path::Path;

use os_store::atomic::{self, Attributes};
use os_types::Failure;

/// A host, as it marks its pools.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The same permanently: `machine-id(5)`, or what was made up at the first start.
    pub(crate) host_id: String,
    /// The name, for people.
    pub(crate) hostname: String,
    /// `/proc/sys/kernel/random/boot_id`.
    pub(crate) boot_id: String,
}

impl Identity {
    /// Reads it; a host without a machine id gets one of osctl in the directory `state`.
    pub(crate) fn read(etc: &Path, state: &Path) -> Result<Self, Failure> {
        let boot_id = os_sys::boot_id()?;
        Ok(Self {
            host_id: host_id(etc, state)?,
            hostname: os_sys::hostname(),
            boot_id,
        })
    }
}

fn host_id(etc: &Path, state: &Path) -> Result<String, Failure> {
    let own = state.join("host-id");
    for path in [&etc.join("machine-id"), &own] {
        let text = fs::read_to_string(path).unwrap_or_default();
        let id = text.trim();
        if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(id.to_owned());
        }
    }
    let random = fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default();
    let id = random.trim().replace('-', "");
    atomic::replace(&own, format!("{id}\n").as_bytes(), Attributes::mode(0o444))?;
    Ok(id)
}
