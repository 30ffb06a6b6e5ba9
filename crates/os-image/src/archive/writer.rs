//! Writing an archive: the root is spooled and measured, then everything is put together.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::{Path, PathBuf};

use os_types::image::{Arch, DistVersion, Distribution, ImageConfig, ImageInfo, Variant, Vendor};
use os_types::{Code, Explain};
use rustix::fs::CWD;
use sha2::{Digest as _, Sha256};

use crate::metadata::{METADATA_NAME, Metadata, Part, PartFormat, SCHEMA, hex};

/// What an image is said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
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
    /// What containers made from it begin with.
    pub config: ImageConfig,
}

/// Why an archive was not written. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the image {}", path.display())]
pub struct WriteError {
    path: PathBuf,
    source: io::Error,
}

impl Explain for WriteError {
    fn code(&self) -> Code {
        match self.source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::NoSpace,
            _ => Code::File,
        }
    }

    fn object(&self) -> Option<String> {
        Some(format!("image {}", self.path.display()))
    }
}

/// Size of a root when unpacked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measure {
    /// Bytes of files.
    pub bytes: u64,
    /// Files, directories and links.
    pub entries: u64,
}

/// Writes an archive to `path`, whole or not at all. `root` writes the root as an uncompressed tar,
/// and says how large it is.
///
/// # Errors
/// When something cannot be written, or what `root` says.
pub fn write<E: From<WriteError>>(
    path: &Path,
    identity: &Identity,
    root: impl FnOnce(&mut dyn Write) -> Result<Measure, E>,
) -> Result<ImageInfo, E> {
    let fail = |source| {
        E::from(WriteError {
            path: path.to_owned(),
            source,
        })
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let spool = tempfile::tempfile_in(folder).map_err(fail)?;
    // Level 9: a third smaller than the default, still quicker than the network that it is for.
    let mut zstd = zstd::Encoder::new(Measuring::new(spool), 9).map_err(fail)?;
    zstd.include_checksum(true).map_err(fail)?;
    let measure = root(&mut zstd)?;
    let spooled = zstd.finish().map_err(fail)?;
    let part = Part {
        name: "rootfs.tar.zst".to_owned(),
        format: PartFormat::TarZst,
        size: spooled.size,
        sha256: hex(&spooled.digest.finalize()),
        unpacked_bytes: measure.bytes,
        entries: measure.entries,
    };
    let metadata = metadata(identity, part);
    assemble(path, folder, &metadata, spooled.file).map_err(fail)?;
    let digest = Metadata::digest(metadata.text().as_bytes());
    Ok(metadata.info(digest))
}

fn metadata(identity: &Identity, part: Part) -> Metadata {
    // Seconds are enough, and read better.
    let now = jiff::Timestamp::now().as_second();
    Metadata {
        schema: SCHEMA,
        distribution: identity.distribution.clone(),
        version: identity.version.clone(),
        arch: identity.arch.clone(),
        vendor: identity.vendor.clone(),
        variant: identity.variant.clone(),
        created: jiff::Timestamp::from_second(now).unwrap_or_default(),
        config: identity.config.clone(),
        parts: vec![part],
    }
}

fn assemble(path: &Path, folder: &Path, metadata: &Metadata, mut root: File) -> io::Result<()> {
    let mut file = tempfile::tempfile_in(folder)?;
    let mut tar = tar::Builder::new(&mut file);
    let text = metadata.text();
    append(
        &mut tar,
        METADATA_NAME,
        text.len() as u64,
        &mut text.as_bytes(),
    )?;
    for part in &metadata.parts {
        root.rewind()?;
        append(&mut tar, &part.name, part.size, &mut root)?;
    }
    tar.into_inner()?.flush()?;
    rustix::fs::fchmod(&file, rustix::fs::Mode::from_raw_mode(0o644))?;
    file.sync_all()?;
    publish(&mut file, path, folder)
}

/// Gives a file without a name the name `path`, replacing any file there. If the
/// process is killed before, nothing is left behind.
pub(crate) fn publish(file: &mut File, path: &Path, folder: &Path) -> io::Result<()> {
    let place = tempfile::Builder::new()
        .prefix(".image-")
        .make_in(folder, |name| {
            let source = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
            let follow = rustix::fs::AtFlags::SYMLINK_FOLLOW;
            Ok(rustix::fs::linkat(CWD, source, CWD, name, follow)?)
        });
    match place {
        // A link cannot take the place of a file, a rename can.
        Ok(place) => place.into_temp_path().persist(path)?,
        // A file system whose files all have names from the beginning: copy.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut named = tempfile::NamedTempFile::new_in(folder)?;
            file.rewind()?;
            io::copy(file, &mut named)?;
            rustix::fs::fchmod(&named, rustix::fs::Mode::from_raw_mode(0o644))?;
            named.as_file().sync_all()?;
            named.persist(path)?;
        }
        Err(error) => return Err(error),
    }
    File::open(folder)?.sync_all()
}

fn append(
    tar: &mut tar::Builder<impl Write>,
    name: &str,
    size: u64,
    data: &mut dyn Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_entry_type(tar::EntryType::Regular);
    tar.append_data(&mut header, name, data)
}

/// Counts and digests what is written.
struct Measuring {
    file: File,
    size: u64,
    digest: Sha256,
}

impl Measuring {
    fn new(file: File) -> Self {
        Self {
            file,
            size: 0,
            digest: Sha256::new(),
        }
    }
}

impl Write for Measuring {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.size = self.size.saturating_add(written as u64);
        self.digest.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
