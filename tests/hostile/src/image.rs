//! Images whose parts and metadata say what the test wants.

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use os_image::archive::{Measure, write};
use os_image::import::ImportError;
use os_image::{Identity, Metadata};
use os_types::image::ImageConfig;

use crate::tarball::Tarball;

/// What images of tests are said to be.
///
/// # Errors
/// Never; the names are good.
pub fn identity(arch: &str) -> Result<Identity> {
    Ok(Identity {
        distribution: "hostile".parse()?,
        version: "1".parse()?,
        arch: arch.parse()?,
        vendor: "test".parse()?,
        variant: "test".parse()?,
        config: ImageConfig::default(),
    })
}

/// The architecture of this host.
pub const ARCH: &str = std::env::consts::ARCH;

/// Writes an image whose root is `tar`, with metadata that are right about it.
///
/// # Errors
/// When it cannot be written.
pub fn image_of(path: &Path, tar: Tarball) -> Result<()> {
    let (entries, bytes) = tar.measure();
    image_with(path, ARCH, &tar.finish(), Measure { bytes, entries })
}

/// Writes an image whose root is any bytes, with the given metadata.
///
/// # Errors
/// When it cannot be written.
pub fn image_with(path: &Path, arch: &str, root: &[u8], measure: Measure) -> Result<()> {
    write(path, &identity(arch)?, |out| {
        out.write_all(root).map_err(ImportError::Spool)?;
        Ok::<_, ImportError>(measure)
    })?;
    Ok(())
}

/// An archive put together by hand: metadata as text, then members.
#[derive(Debug, Clone)]
pub struct Made {
    /// The text of `metadata.toml`.
    pub text: String,
    /// The compressed root.
    pub root: Vec<u8>,
}

impl Made {
    /// A small, good one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn good() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("image");
        image_of(
            &path,
            Tarball::new().folder("etc/").file("etc/x", "some data"),
        )?;
        let bytes = std::fs::read(&path)?;
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut members = Vec::new();
        for entry in archive.entries()? {
            let mut data = Vec::new();
            std::io::copy(&mut entry?, &mut data)?;
            members.push(data);
        }
        let root = members.pop().unwrap_or_default();
        let text = String::from_utf8(members.pop().unwrap_or_default())?;
        Ok(Self { text, root })
    }

    /// Metadata with this root's size and checksum.
    ///
    /// # Errors
    /// When the text is not metadata any more.
    pub fn resealed(mut self) -> Result<Self> {
        let mut metadata = Metadata::parse(self.text.as_bytes())?;
        for part in &mut metadata.parts {
            part.size = self.root.len() as u64;
            part.sha256 = Metadata::digest(&self.root);
        }
        self.text = metadata.text();
        Ok(self)
    }

    /// The archive.
    pub fn bytes(&self) -> Vec<u8> {
        members(&[
            ("metadata.toml", self.text.as_bytes()),
            ("rootfs.tar.zst", &self.root),
        ])
    }
}

/// A tar of plain files.
pub fn members(members: &[(&str, &[u8])]) -> Vec<u8> {
    let tar = members
        .iter()
        .fold(Tarball::new(), |tar, (name, data)| tar.file(name, data));
    tar.finish()
}

/// Writes bytes to a file that the system forgets when it is closed.
///
/// # Errors
/// When that fails.
pub fn scratch(bytes: &[u8]) -> Result<std::fs::File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    Ok(file)
}
