//! Names of hosts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::NameError;

/// The name of a host as guests may have it.
///
/// *Shape*: labels `[A-Za-z0-9-]` of 1 to 63 characters, not beginning or ending with `-`, parted by
/// dots; at most 64 characters in all, the kernel's limit (`sethostname(2)`), though RFC 1123 has 253.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hostname(String);

impl Hostname {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its domain, e.g. `web` of `web.example.org`.
    pub fn short(&self) -> &str {
        self.0.split('.').next().unwrap_or(&self.0)
    }
}

impl std::str::FromStr for Hostname {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|c| c.is_ascii_alphanumeric() || c == b'-')
        };
        if text.len() > 64 {
            return Err(NameError::new("host name", text, "is too long"));
        }
        if text.split('.').all(label) {
            Ok(Self(text.to_owned()))
        } else {
            let reason = "must be labels of letters, digits and '-' parted by dots";
            Err(NameError::new("host name", text, reason))
        }
    }
}

impl TryFrom<String> for Hostname {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Hostname> for String {
    fn from(name: Hostname) -> Self {
        name.0
    }
}

impl std::fmt::Display for Hostname {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Hostname {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Hostname".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
        schemars::json_schema!({
            "type": "string",
            "maxLength": 64,
            "pattern": format!(r"^{label}(\.{label})*$"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["web", "web.example.org", "1-2.x"] {
            good.parse::<Hostname>().unwrap();
        }
        for bad in [
            "",
            ".",
            "a..b",
            "-a",
            "a-",
            "a_b",
            "a b",
            "a\nb",
            &"x".repeat(65),
        ] {
            bad.parse::<Hostname>().unwrap_err();
        }
    }

    #[test]
    fn the_short_name_has_no_domain() {
        let short = |text: &str| text.parse::<Hostname>().unwrap().short().to_owned();
        assert_eq!(short("web.example.org"), "web");
        assert_eq!(short("web"), "web");
    }
}
