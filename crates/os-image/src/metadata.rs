//! `metadata.toml`, the first member of an image archive.

use os_types::Code;
use os_types::Explain;
use os_types::image::{
    Arch, DistVersion, Distribution, ImageConfig, ImageDigest, ImageInfo, Variant, Vendor,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The largest metadata in bytes.
pub const METADATA_LIMIT: u64 = 64 << 10;

/// Name of the first member of an archive.
pub const METADATA_NAME: &str = "metadata.toml";

/// The version of the format that is written.
pub const SCHEMA: u32 = 1;

/// How a part is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PartFormat {
    /// The root as a tar, compressed by zstd: works with every storage.
    #[serde(rename = "tar.zst")]
    TarZst,
    /// The root as a stream of btrfs, compressed by zstd.
    #[serde(rename = "btrfs.zst")]
    BtrfsZst,
}

/// One part of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Name of the member, e.g. `rootfs.tar.zst`.
    pub name: String,
    /// How it is stored.
    pub format: PartFormat,
    /// Its size in the archive, bytes.
    pub size: u64,
    /// SHA-256 of it as it is in the archive.
    pub sha256: ImageDigest,
    /// Bytes of files when unpacked.
    pub unpacked_bytes: u64,
    /// Number of files, directories and links.
    pub entries: u64,
}

/// What an image is, and its parts in the order in which they follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// Version of the format.
    pub schema: u32,
    /// The distribution.
    pub distribution: Distribution,
    /// Its version.
    pub version: DistVersion,
    /// Its architecture.
    pub arch: Arch,
    /// The vendor of the image.
    pub vendor: Vendor,
    /// Which of the vendor's images it is.
    pub variant: Variant,
    /// When it was made, RFC 3339.
    pub created: jiff::Timestamp,
    /// What containers made from it begin with.
    #[serde(default)]
    pub config: ImageConfig,
    /// The parts.
    #[serde(rename = "part")]
    pub parts: Vec<Part>,
}

/// Why metadata cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// It is not the document it has to be.
    #[error("metadata.toml cannot be read")]
    Parse(#[from] toml::de::Error),
    /// It is not text.
    #[error("metadata.toml is not UTF-8")]
    NotText(#[source] std::str::Utf8Error),
    /// A later version wrote it.
    #[error("metadata.toml has schema {0}; this version knows schema {SCHEMA}")]
    Schema(u64),
    /// No part of it is a root.
    #[error("the archive has no root that this version can use")]
    NoRoot,
    /// Two parts are of the same format: which one would count?
    #[error("the archive has two parts of the same format")]
    TwoOfAKind,
    /// The names of parts are not distinct plain names.
    #[error("part {0:?} has a name that is not allowed, or another part has it too")]
    PartName(String),
}

impl Explain for MetadataError {
    fn code(&self) -> Code {
        Code::Image
    }
}

impl Metadata {
    /// The metadata in `bytes`.
    ///
    /// # Errors
    /// When they are not metadata of a version we know.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetadataError> {
        #[derive(Deserialize)]
        struct Versioned {
            schema: u64,
        }
        let text = std::str::from_utf8(bytes).map_err(MetadataError::NotText)?;
        let Versioned { schema } = toml::from_str(text)?;
        if schema != u64::from(SCHEMA) {
            return Err(MetadataError::Schema(schema));
        }
        let metadata: Self = toml::from_str(text)?;
        let mut names = std::collections::BTreeSet::from([METADATA_NAME]);
        for Part { name, .. } in &metadata.parts {
            let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_');
            if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) || !names.insert(name)
            {
                return Err(MetadataError::PartName(name.chars().take(64).collect()));
            }
        }
        let mut formats: Vec<_> = metadata.parts.iter().map(|part| part.format).collect();
        formats.sort_unstable();
        if formats.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(MetadataError::TwoOfAKind);
        }
        metadata.root()?;
        Ok(metadata)
    }

    /// As text; [`Metadata::parse`] reads it.
    pub fn text(&self) -> String {
        toml::to_string(self).expect("metadata has only what TOML can say")
    }

    /// The part that every storage can take.
    ///
    /// # Errors
    /// When there is none.
    pub fn root(&self) -> Result<&Part, MetadataError> {
        let mut parts = self.parts.iter();
        parts
            .find(|part| part.format == PartFormat::TarZst)
            .ok_or(MetadataError::NoRoot)
    }

    /// What identifies an image whose metadata is `bytes`.
    pub fn digest(bytes: &[u8]) -> ImageDigest {
        hex(&Sha256::digest(bytes))
    }

    /// What plans need to know of it.
    pub fn info(&self, digest: ImageDigest) -> ImageInfo {
        ImageInfo {
            digest,
            distribution: self.distribution.clone(),
            version: self.version.clone(),
            arch: self.arch.clone(),
            vendor: self.vendor.clone(),
            variant: self.variant.clone(),
            created: self.created.to_string(),
            config: self.config.clone(),
            root_bytes: self.root().map_or(0, |part| part.unpacked_bytes),
        }
    }
}

/// A digest as text.
pub(crate) fn hex(digest: &[u8]) -> ImageDigest {
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let text: String = digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect();
    text.parse().expect("a SHA-256 is 64 hex digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Metadata {
        Metadata {
            schema: SCHEMA,
            distribution: "debian".parse().unwrap(),
            version: "13".parse().unwrap(),
            arch: "x86_64".parse().unwrap(),
            vendor: "vpsadminos".parse().unwrap(),
            variant: "minimal".parse().unwrap(),
            created: "2026-01-02T03:04:05Z".parse().unwrap(),
            config: ImageConfig::default(),
            parts: vec![Part {
                name: "rootfs.tar.zst".to_owned(),
                format: PartFormat::TarZst,
                size: 1,
                sha256: Metadata::digest(b""),
                unpacked_bytes: 2,
                entries: 3,
            }],
        }
    }

    #[test]
    fn it_survives_the_text() {
        assert_eq!(
            Metadata::parse(sample().text().as_bytes()).unwrap(),
            sample()
        );
    }

    #[test]
    fn other_versions_unknown_keys_and_bad_names_are_refused() {
        let text = sample().text();
        let newer = text.replace("schema = 1", "schema = 2");
        assert!(matches!(
            Metadata::parse(newer.as_bytes()),
            Err(MetadataError::Schema(2))
        ));
        let unknown = format!("surprise = 1\n{text}");
        assert!(matches!(
            Metadata::parse(unknown.as_bytes()),
            Err(MetadataError::Parse(_))
        ));
        let path = text.replace("rootfs.tar.zst", "../rootfs");
        assert!(matches!(
            Metadata::parse(path.as_bytes()),
            Err(MetadataError::PartName(_))
        ));
        assert!(matches!(
            Metadata::parse(b"\xff"),
            Err(MetadataError::NotText(_))
        ));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            drop(Metadata::parse(&bytes));
        }
    }
}
