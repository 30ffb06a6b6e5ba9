//! Which boot of which host this is.

use std::fs;
use std::path::Path;

use crate::SysError;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The id of the running boot.
///
/// *Shape*: a lower-case UUID, for example `0b7a1c5e-3b1e-4f6e-9a52-0f3f3c1a2b4d`; another value
/// after each boot. *Source*: random(4).
pub fn boot_id() -> Result<String, SysError> {
    let path = Path::new(BOOT_ID);
    let text = fs::read_to_string(path).map_err(|e| SysError::path("read", path, e))?;
    Ok(text.trim_end().to_owned())
}

/// The host name as the kernel has it, without a domain unless the administrator put one there.
pub fn hostname() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_id_is_a_uuid_and_stable() {
        let id = boot_id().unwrap();
        assert_eq!(id.len(), 36);
        assert_eq!(id, boot_id().unwrap());
    }

    #[test]
    fn hostname_is_not_empty() {
        assert!(!hostname().is_empty());
    }
}
