//! Reading an archive from its beginning to its end.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use os_types::image::ImageInfo;
use rustix::fs::OFlags;

use super::member::{self, BLOCK, Section};
use super::{ArchiveError, Checked};
use crate::metadata::{METADATA_LIMIT, METADATA_NAME, Metadata, Part};
use crate::unpack::Limits;

/// An archive whose metadata has been read, and whose parts are where they should be.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    info: ImageInfo,
    /// Where each part begins.
    places: Vec<u64>,
}

impl Archive {
    /// Opens an archive, reads its metadata and looks whether all of it is there; what is in the parts
    /// is not read.
    ///
    /// # Errors
    /// When the file cannot be read, is cut short, or is no image.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        // Opening a FIFO must not block.
        let nonblock = i32::try_from(OFlags::NONBLOCK.union(OFlags::NOCTTY).bits()).unwrap_or(0);
        let file = File::options().read(true).custom_flags(nonblock).open(path);
        Self::from_file(file.map_err(|source| read_error(path, source))?, path)
    }

    /// The archive in `file`, which is called `path` in errors.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn from_file(file: File, path: &Path) -> Result<Self, ArchiveError> {
        let fail = |source| read_error(path, source);
        let about = file.metadata().map_err(fail)?;
        if !about.is_file() {
            return Err(fail(io::Error::other("it is not a regular file")));
        }
        let bytes = metadata_bytes(&file, path)?;
        let metadata = Metadata::parse(&bytes).map_err(|source| ArchiveError::Metadata {
            path: path.to_owned(),
            source,
        })?;
        let mut archive = Self {
            path: path.to_owned(),
            file,
            info: metadata.info(Metadata::digest(&bytes)),
            metadata,
            places: Vec::new(),
        };
        archive.locate(member::end(0, bytes.len() as u64), about.size())?;
        Ok(archive)
    }

    /// What it is.
    pub fn info(&self) -> &ImageInfo {
        &self.info
    }

    /// All that its metadata says.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Hands the root, as an uncompressed tar, to `take`, and checks the rest of it afterwards: the
    /// caller must discard the result of `take` if this fails.
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
        let fault = RefCell::new(None);
        let noting = Noting {
            inner: self.part(part),
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
        if io::copy(&mut zstd.by_ref().take(1), &mut io::sink()).map_err(fail)? > 0 {
            return Err(fail(io::Error::other("more follows the end of its root")));
        }
        io::copy(&mut zstd.finish(), &mut io::sink()).map_err(fail)?;
        Ok(taken)
    }

    /// The most that its root may unpack to: `limits`, and what it says of itself.
    ///
    /// # Errors
    /// When it has no root.
    pub fn limits(&self, limits: Limits) -> Result<Limits, ArchiveError> {
        let part = self.metadata.root();
        let part = part.map_err(|source| ArchiveError::Metadata {
            path: self.path.clone(),
            source,
        })?;
        // What unpacks to more than its metadata say is not what they are about.
        Ok(Limits {
            entries: limits.entries.min(part.entries),
            bytes: limits.bytes.min(part.unpacked_bytes),
            ..limits
        })
    }

    /// A part, checked while it is read.
    fn part(&self, wanted: &Part) -> Checked<Section<'_>> {
        let parts = self.metadata.parts.iter().zip(&self.places);
        let place = parts.filter(|(part, _)| part.name == wanted.name);
        let place = place.map(|(_, place)| *place).next().unwrap_or(u64::MAX);
        Checked::new(Section::new(&self.file, place, wanted.size), wanted)
    }

    /// Finds every part, in the order of the metadata and of the sizes that they say, with nothing
    /// between or behind them.
    fn locate(&mut self, first: u64, size: u64) -> Result<(), ArchiveError> {
        let fail = |source| read_error(&self.path, source);
        let mut at = first;
        for part in &self.metadata.parts {
            let end = member::end(at, part.size);
            if end > size {
                let needed = member::end(end, 0);
                let path = self.path.clone();
                return Err(ArchiveError::Cut { path, size, needed });
            }
            let member = member::read(&self.file, at).map_err(fail)?;
            let Some((name, length)) = member else {
                return Err(self.order(&part.name, "something else"));
            };
            if name != part.name || length != part.size {
                return Err(self.order(&part.name, &format!("{name} of {length} bytes")));
            }
            self.places.push(at.saturating_add(BLOCK));
            at = end;
        }
        // Two blocks of zeros are the end of a tar; tar(1) writes some more.
        if size < at.saturating_add(2 * BLOCK) {
            let needed = at.saturating_add(2 * BLOCK);
            let path = self.path.clone();
            return Err(ArchiveError::Cut { path, size, needed });
        }
        let mut tail = vec![
            0;
            usize::try_from(size.saturating_sub(at))
                .unwrap_or(usize::MAX)
                .min(TAIL)
        ];
        self.file.read_exact_at(&mut tail, at).map_err(fail)?;
        if size.saturating_sub(at) > tail.len() as u64 || tail.iter().any(|byte| *byte != 0) {
            let path = self.path.clone();
            return Err(ArchiveError::Trailing { path, at });
        }
        Ok(())
    }

    /// Reads every part to its end, and checks the checksums and every entry of the root. Calls `seen`
    /// with the number of bytes of the parts that were read since the last call.
    ///
    /// # Errors
    /// With the first thing that is wrong.
    pub fn verify(&self, seen: &dyn Fn(u64)) -> Result<(), ArchiveError> {
        for part in &self.metadata.parts {
            if part.format != crate::PartFormat::TarZst {
                let counted = Counted(self.part(part), seen);
                counted
                    .finish()
                    .map_err(|source| read_error(&self.path, source))?;
            }
        }
        let limits = self.limits(Limits::default())?;
        let root = self.metadata.root();
        let report = self.root(|tar| {
            crate::unpack::inspect(Counted(tar, seen), &limits).map_err(|source| {
                ArchiveError::Root {
                    path: self.path.clone(),
                    source: Box::new(source),
                }
            })
        })?;
        match root {
            Ok(part) if (report.entries, report.bytes) != (part.entries, part.unpacked_bytes) => {
                Err(ArchiveError::Measure {
                    path: self.path.clone(),
                    entries: report.entries,
                    bytes: report.bytes,
                })
            }
            _ => Ok(()),
        }
    }

    fn order(&self, expected: &str, found: &str) -> ArchiveError {
        ArchiveError::Order {
            path: self.path.clone(),
            expected: expected.to_owned(),
            found: found.chars().take(100).collect(),
        }
    }
}

/// The most zeros that may be behind the last part, bytes: tar(1) fills up to 10 KiB.
const TAIL: usize = 64 << 10;

/// The largest window that a compressed part may ask for: 128 MiB, as `zstd --long` makes. It limits
/// the memory of the unpacking process.
const WINDOW_LOG_MAX: u32 = 27;

fn read_error(path: &Path, source: io::Error) -> ArchiveError {
    ArchiveError::Read {
        path: path.to_owned(),
        source,
    }
}

fn metadata_bytes(file: &File, path: &Path) -> Result<Vec<u8>, ArchiveError> {
    let not_an_image = || ArchiveError::NotAnImage {
        path: path.to_owned(),
    };
    let fail = |source| read_error(path, source);
    let first = member::read(file, 0).map_err(fail)?;
    let (name, size) = first.ok_or_else(not_an_image)?;
    if name != METADATA_NAME || size > METADATA_LIMIT {
        return Err(not_an_image());
    }
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    match file.read_exact_at(&mut bytes, BLOCK) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(ArchiveError::Cut {
            path: path.to_owned(),
            size: file.metadata().map_err(fail)?.size(),
            needed: member::end(0, size),
        }),
        read => read.map(|()| bytes).map_err(fail),
    }
}

/// Tells somebody how much is read.
struct Counted<'a, R>(R, &'a dyn Fn(u64));

impl<R: Read> Counted<'_, R> {
    fn finish(mut self) -> io::Result<()> {
        io::copy(&mut self, &mut io::sink()).map(drop)
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).inspect(|read| (self.1)(*read as u64))
    }
}

/// A reader that remembers its error, for callers that only see a consequence of it.
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
