//! How a container's files get their owners.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::NameError;

/// How the owners of a container's files are mapped to the ids of its user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MapMode {
    /// The files have the ids of the guest; an idmapped mount maps them.
    #[default]
    Native,
}

impl std::fmt::Display for MapMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Native => f.write_str("native"),
        }
    }
}

impl std::str::FromStr for MapMode {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let reason = match text {
            "native" => return Ok(Self::Native),
            "zfs" => {
                "needs the ZFS properties uidmap and gidmap, which only the kernel of vpsAdminOS has; use native"
            }
            _ => "is no map mode; use native",
        };
        Err(NameError::new("map mode", text, reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_another_kernel_is_refused_with_the_reason() {
        assert_eq!("native".parse(), Ok(MapMode::Native));
        let error = "zfs".parse::<MapMode>().unwrap_err();
        assert!(error.to_string().contains("use native"), "{error}");
    }
}
