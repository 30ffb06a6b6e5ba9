//! Reading an archive from its beginning to its end.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::{Path, PathBuf};

use os_types::image::ImageInfo;
use os_types::{Code, Explain};

use super::Checked;
use crate::metadata::{METADATA_LIMIT, METADATA_NAME, Metadata, MetadataError, Part};

/// Why an archive cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file cannot be read, or is damaged.
    #[error("cannot read the image {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// It is no image archive.
    #[error("{} is not an image: its first member is not {METADATA_NAME} of at most 64 KiB", path.display())]
    NotAnImage {
        /// The file.
        path: PathBuf,
    },
    /// Its metadata cannot be used.
    #[error("the metadata of the image {} cannot be used", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: MetadataError,
    },
    /// A member is missing, too much, or in the wrong place.
    #[error("the image {} has {found:?} where part {expected:?} should be", path.display())]
    Order {
        /// The file.
        path: PathBuf,
        /// The part.
        expected: String,
        /// What is there.
        found: String,
    },
}

impl Explain for ArchiveError {
    fn code(&self) -> Code {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => Code::NotFound,
            _ => Code::Image,
        }
    }

    fn object(&self) -> Option<String> {
        let (Self::Read { path, .. }
        | Self::NotAnImage { path }
        | Self::Metadata { path, .. }
        | Self::Order { path, .. }) = self;
        Some(format!("image {}", path.display()))
    }

    fn next(&self) -> Option<String> {
        let (Self::Read { path, .. }
        | Self::NotAnImage { path }
        | Self::Metadata { path, .. }
        | Self::Order { path, .. }) = self;
        Some(match self {
            Self::NotAnImage { .. } => format!(
                "osctl-image import {} --distribution NAME --version VERSION -o FILE",
                path.display()
            ),
            _ => format!("osctl-image verify {}", path.display()),
        })
    }
}

/// An archive whose metadata has been read.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    info: ImageInfo,
}

impl Archive {
    /// Opens an archive and reads its metadata, nothing more.
    ///
    /// # Errors
    /// When the file cannot be read or does not begin as an image.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let file = File::open(path).map_err(|source| read_error(path, source))?;
        Self::from_file(file, path)
    }

    /// The archive in `file`, which is called `path` in errors.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn from_file(file: File, path: &Path) -> Result<Self, ArchiveError> {
        let bytes = metadata_bytes(&file, path)?;
        let metadata = Metadata::parse(&bytes).map_err(|source| ArchiveError::Metadata {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            info: metadata.info(Metadata::digest(&bytes)),
            metadata,
        })
    }

    /// What it is.
    pub fn info(&self) -> &ImageInfo {
        &self.info
    }

    /// All that its metadata says.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Hands the root, as an uncompressed tar, to `take`, and checks the rest of it afterwards: what
    /// `take` made of it is to be kept only if this returns well.
    ///
    /// # Errors
    /// When the archive is damaged; otherwise what `take` says.
    pub fn root<T, E: From<ArchiveError>>(
        &self,
        take: impl FnOnce(&mut dyn Read) -> Result<T, E>,
    ) -> Result<T, E> {
        let root = self.metadata.root();
        let part = root.map_err(|source| ArchiveError::Metadata {
            path: self.path.clone(),
            source,
        })?;
        self.part(part, |member| {
            let fault = RefCell::new(None);
            let noting = Noting {
                inner: member,
                fault: &fault,
            };
            let fail = |source| E::from(read_error(&self.path, source));
            let mut zstd = zstd::Decoder::new(noting).map_err(fail)?;
            zstd.window_log_max(WINDOW_LOG_MAX).map_err(fail)?;
            let taken = take(&mut zstd);
            // What `take` says of a damaged archive is only a consequence.
            if let Some(source) = fault.borrow_mut().take() {
                return Err(fail(source));
            }
            let taken = taken?;
            io::copy(&mut zstd, &mut io::sink()).map_err(fail)?;
            io::copy(&mut zstd.finish(), &mut io::sink()).map_err(fail)?;
            Ok(taken)
        })
    }

    /// Hands the member of `wanted` to `take`.
    fn part<T, E: From<ArchiveError>>(
        &self,
        wanted: &Part,
        take: impl FnOnce(Checked<&mut dyn Read>) -> Result<T, E>,
    ) -> Result<T, E> {
        let fail = |source| E::from(read_error(&self.path, source));
        let mut tar = from_beginning(&self.file).map_err(fail)?;
        let mut entries = tar.entries().map_err(fail)?;
        let parts = self.metadata.parts.iter().map(|part| part.name.as_str());
        for name in std::iter::once(METADATA_NAME).chain(parts) {
            let Some(entry) = entries.next() else {
                return Err(self.order(name, "the end").into());
            };
            let mut entry = entry.map_err(fail)?;
            let found = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if found != name || !entry.header().entry_type().is_file() {
                return Err(self.order(name, &found).into());
            }
            if name == wanted.name {
                if entry.size() != wanted.size {
                    let found = format!("{found} of {} bytes", entry.size());
                    return Err(self.order(name, &found).into());
                }
                let entry: &mut dyn Read = &mut entry;
                return take(Checked::new(entry, wanted));
            }
        }
        Err(self.order(&wanted.name, "the end").into())
    }

    fn order(&self, expected: &str, found: &str) -> ArchiveError {
        ArchiveError::Order {
            path: self.path.clone(),
            expected: expected.to_owned(),
            found: found.chars().take(100).collect(),
        }
    }
}

/// Checks every part of an archive.
///
/// # Errors
/// With the first thing that is wrong.
pub fn verify(path: &Path) -> Result<Metadata, ArchiveError> {
    let archive = Archive::open(path)?;
    for part in &archive.metadata.parts {
        archive.part(part, |member| {
            member.finish().map_err(|source| read_error(path, source))
        })?;
    }
    archive.root(|tar| {
        io::copy(tar, &mut io::sink())
            .map(drop)
            .map_err(|source| read_error(path, source))
    })?;
    Ok(archive.metadata)
}

/// The largest window that a compressed part may ask for: 128 MiB, as `zstd --long` makes. It bounds
/// the memory of whoever unpacks.
const WINDOW_LOG_MAX: u32 = 27;

fn read_error(path: &Path, source: io::Error) -> ArchiveError {
    ArchiveError::Read {
        path: path.to_owned(),
        source,
    }
}

/// The archive from its first byte; the position is the file's own, so one reader at a time.
fn from_beginning(mut file: &File) -> io::Result<tar::Archive<&File>> {
    file.rewind()?;
    Ok(tar::Archive::new(file))
}

fn metadata_bytes(file: &File, path: &Path) -> Result<Vec<u8>, ArchiveError> {
    let not_an_image = || ArchiveError::NotAnImage {
        path: path.to_owned(),
    };
    let mut tar = from_beginning(file).map_err(|source| read_error(path, source))?;
    // Something else than a tar gives an error of the header, or none at all.
    let mut entries = tar.entries().map_err(|_no_tar| not_an_image())?.raw(true);
    let entry = entries.next().and_then(Result::ok);
    let entry = entry.ok_or_else(not_an_image)?;
    let is_metadata = entry.header().entry_type().is_file()
        && *entry.path_bytes() == *METADATA_NAME.as_bytes()
        && entry.size() <= METADATA_LIMIT;
    if !is_metadata {
        return Err(not_an_image());
    }
    let size = entry.size();
    let mut bytes = Vec::new();
    let read = entry.take(METADATA_LIMIT).read_to_end(&mut bytes);
    read.map_err(|source| read_error(path, source))?;
    if bytes.len() as u64 != size {
        let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut short");
        return Err(read_error(path, cut));
    }
    Ok(bytes)
}

/// A reader that remembers its error, for whoever gets only a consequence of it.
struct Noting<'a, R> {
    inner: R,
    fault: &'a RefCell<Option<io::Error>>,
}

impl<R: Read> Read for Noting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).inspect_err(|error| {
            let copy = io::Error::new(error.kind(), error.to_string());
            self.fault.replace(Some(copy));
        })
    }
}
