//! Images: what a container's root is made from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::name;

name! {
    /// A distribution, e.g. `debian`: the `ID` of os-release(5).
    ///
    /// *Shape*: `[a-z0-9._+-]`, 1 to 40 characters, beginning with a letter or digit.
    Distribution, "distribution",
    r"^[a-z0-9][a-z0-9._+-]{0,39}$", check_word
}

name! {
    /// A version of a distribution, or a tag of a repository, e.g. `13`, `trixie`, `stable`.
    ///
    /// *Shape*: as [`Distribution`].
    DistVersion, "version",
    r"^[a-z0-9][a-z0-9._+-]{0,39}$", check_word
}

name! {
    /// An architecture as uname(2) says it, e.g. `x86_64`, `aarch64`.
    ///
    /// *Shape*: as [`Distribution`].
    Arch, "architecture",
    r"^[a-z0-9][a-z0-9._+-]{0,39}$", check_word
}

name! {
    /// The vendor of an image, e.g. `vpsadminos`.
    ///
    /// *Shape*: as [`Distribution`].
    Vendor, "vendor",
    r"^[a-z0-9][a-z0-9._+-]{0,39}$", check_word
}

name! {
    /// A variant of a vendor's image, e.g. `minimal`.
    ///
    /// *Shape*: as [`Distribution`].
    Variant, "variant",
    r"^[a-z0-9][a-z0-9._+-]{0,39}$", check_word
}

name! {
    /// What identifies an image: the SHA-256 of the metadata of its archive, which has the digests
    /// of all parts.
    ///
    /// *Shape*: 64 hex digits, lower case.
    ImageDigest, "image digest",
    r"^[0-9a-f]{64}$", check_digest
}

fn check_word(text: &str) -> Result<(), &'static str> {
    let allowed = |c: u8| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'.' | b'_' | b'+' | b'-')
    };
    match text.as_bytes() {
        [] => Err("must not be empty"),
        [first, ..] if !first.is_ascii_alphanumeric() => Err("must begin with a letter or digit"),
        bytes if bytes.len() > 40 => Err("is too long"),
        bytes if bytes.iter().all(|c| allowed(*c)) => Ok(()),
        _ => Err("has a character that is not allowed"),
    }
}

fn check_digest(text: &str) -> Result<(), &'static str> {
    let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if text.len() == 64 && text.bytes().all(hex) {
        Ok(())
    } else {
        Err("must be 64 hex digits")
    }
}

impl ImageDigest {
    /// Its first 12 digits, for people.
    pub fn short(&self) -> &str {
        self.as_str().get(..12).unwrap_or_default()
    }
}

/// What an image proposes for the configuration of its containers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageConfig {
    /// The init and its arguments; default `/sbin/init`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub init_cmd: Vec<String>,
}

/// An image, as its metadata says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageInfo {
    /// What identifies it.
    pub digest: ImageDigest,
    /// Its distribution.
    pub distribution: Distribution,
    /// Version of the distribution.
    pub version: DistVersion,
    /// Its architecture.
    pub arch: Arch,
    /// The vendor.
    pub vendor: Vendor,
    /// Its variant.
    pub variant: Variant,
    /// When it was made, RFC 3339.
    pub created: String,
    /// What it proposes for its containers.
    #[serde(default)]
    pub config: ImageConfig,
    /// Bytes of the unpacked root.
    pub root_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_checked() {
        for good in [
            "debian",
            "13",
            "20.04",
            "9-stream-20240101",
            "x86_64",
            "c++",
        ] {
            good.parse::<Distribution>().unwrap();
        }
        for bad in ["", "..", "../x", "a/b", "A", "-x", &"x".repeat(41)] {
            bad.parse::<Distribution>().unwrap_err();
        }
    }

    #[test]
    fn a_digest_is_hex() {
        let digest: ImageDigest = "0123456789abcdef".repeat(4).parse().unwrap();
        assert_eq!(digest.short(), "0123456789ab");
        "0123".parse::<ImageDigest>().unwrap_err();
        "X".repeat(64).parse::<ImageDigest>().unwrap_err();
    }
}
