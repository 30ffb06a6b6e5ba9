//! A repository of images in a directory of this host.
//!
//! *Shape*: `v1/INDEX.json` beside `v1/<vendor>/<variant>/<arch>/<distribution>/<version>/image-archive.tar`,
//! the static tree that a web server can give out as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use os_store::FileError;
use os_store::atomic::{self, Attributes};
use os_store::lock::{Lock, LockError};
use os_types::image::{Arch, DistVersion, Distribution, ImageInfo, Variant, Vendor};
use os_types::{Code, Explain};
use serde::{Deserialize, Serialize};

use crate::archive::{Archive, ArchiveError, publish};

const ARCHIVE: &str = "image-archive.tar";

/// What a repository has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// The default vendor.
    #[serde(default)]
    pub default_vendor: Option<Vendor>,
    /// The default variant of each vendor.
    #[serde(default)]
    pub vendors: BTreeMap<Vendor, Variant>,
    /// The images.
    #[serde(default)]
    pub images: Vec<Listed>,
}

/// An image of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The vendor.
    pub vendor: Vendor,
    /// Which of the vendor's images it is.
    pub variant: Variant,
    /// Its architecture.
    pub arch: Arch,
    /// Its distribution.
    pub distribution: Distribution,
    /// Its version.
    pub version: DistVersion,
    /// Other names of this version, e.g. `stable`.
    #[serde(default)]
    pub tags: BTreeSet<DistVersion>,
}

impl Listed {
    fn same_place(&self, other: &Self) -> bool {
        (&self.vendor, &self.variant, &self.arch) == (&other.vendor, &other.variant, &other.arch)
            && self.distribution == other.distribution
    }
}

/// Which image is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The distribution.
    pub distribution: Distribution,
    /// A version or a tag.
    pub version: DistVersion,
    /// The architecture.
    pub arch: Arch,
    /// The vendor, if not the default one.
    pub vendor: Option<Vendor>,
    /// The variant, if not the default one.
    pub variant: Option<Variant>,
}

/// Why a repository cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// There is no repository.
    #[error("{} is no repository of images: it has no v1/INDEX.json", path.display())]
    None {
        /// The directory.
        path: PathBuf,
    },
    /// It does not have the image.
    #[error("{} has no image of {what}", path.display())]
    NotFound {
        /// The directory.
        path: PathBuf,
        /// What was asked for.
        what: String,
    },
    /// Its index cannot be read.
    #[error("the index of {} cannot be read", path.display())]
    Index {
        /// The directory.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Somebody else is writing.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The image cannot be copied.
    #[error("cannot copy the image to {}", path.display())]
    Copy {
        /// The target.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The image cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl Explain for RepositoryError {
    fn code(&self) -> Code {
        match self {
            Self::None { .. } | Self::NotFound { .. } => Code::NotFound,
            Self::Index { .. } => Code::Damaged,
            Self::Copy { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Code::NoSpace
            }
            Self::File(_) | Self::Copy { .. } => Code::File,
            Self::Lock(_) => Code::Busy,
            Self::Archive(error) => error.code(),
        }
    }

    fn object(&self) -> Option<String> {
        match self {
            Self::None { path } | Self::NotFound { path, .. } | Self::Index { path, .. } => {
                Some(format!("repository {}", path.display()))
            }
            Self::Archive(error) => error.object(),
            _ => None,
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::None { path } => Some(format!("osctl-image deploy IMAGE {}", path.display())),
            Self::NotFound { path, .. } => Some(format!("osctl-image ls {}", path.display())),
            _ => None,
        }
    }
}

/// A repository in a directory.
#[derive(Debug, Clone)]
pub struct Repository {
    folder: PathBuf,
}

impl Repository {
    /// The repository in `folder`, which need not be there yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// What it has.
    ///
    /// # Errors
    /// When it is not a repository, or its index is damaged.
    pub fn index(&self) -> Result<Index, RepositoryError> {
        self.read()?.ok_or_else(|| RepositoryError::None {
            path: self.folder.clone(),
        })
    }

    /// The archive that is wanted.
    ///
    /// # Errors
    /// When the repository cannot be read or does not have it.
    pub fn find(&self, wanted: &Wanted) -> Result<PathBuf, RepositoryError> {
        let index = self.index()?;
        let vendor = wanted.vendor.as_ref().or(index.default_vendor.as_ref());
        let variant = wanted
            .variant
            .as_ref()
            .or_else(|| index.vendors.get(vendor?));
        let mut images = index.images.iter();
        let found = images.find(|image| {
            Some(&image.vendor) == vendor
                && Some(&image.variant) == variant
                && image.arch == wanted.arch
                && image.distribution == wanted.distribution
                && (image.version == wanted.version || image.tags.contains(&wanted.version))
        });
        let found = found.ok_or_else(|| RepositoryError::NotFound {
            path: self.folder.clone(),
            what: format!(
                "{} {} for {}",
                wanted.distribution, wanted.version, wanted.arch
            ),
        })?;
        Ok(self.place(found))
    }

    /// Checks an archive, which tells `seen` how many bytes were read since, and adds it, or replaces
    /// the one of the same version. A tag moves away from other versions.
    /// The first image decides what is the default vendor and variant.
    ///
    /// # Errors
    /// When the archive is damaged or something cannot be written; the repository is as before then.
    pub fn add(
        &self,
        archive: &Path,
        tags: &[DistVersion],
        seen: &dyn Fn(u64),
    ) -> Result<ImageInfo, RepositoryError> {
        let checked = Archive::open(archive)?;
        checked.verify(seen)?;
        let info = checked.info().clone();
        let top = self.folder.join("v1");
        atomic::create_dir_all(&top, Attributes::mode(0o755))?;
        let _lock = Lock::acquire(&top.join(".lock"))?;
        let mut index = self.read()?.unwrap_or_default();
        let listed = Listed {
            vendor: info.vendor.clone(),
            variant: info.variant.clone(),
            arch: info.arch.clone(),
            distribution: info.distribution.clone(),
            version: info.version.clone(),
            tags: tags.iter().cloned().collect(),
        };
        self.copy(archive, &self.place(&listed))?;
        index.put(listed);
        let mut text =
            serde_json::to_vec_pretty(&index).map_err(|source| RepositoryError::Index {
                path: self.folder.clone(),
                source,
            })?;
        text.push(b'\n');
        atomic::replace(&self.index_file(), &text, Attributes::mode(0o644))?;
        Ok(info)
    }

    fn copy(&self, archive: &Path, place: &Path) -> Result<(), RepositoryError> {
        let folder = place.parent().unwrap_or(&self.folder);
        atomic::create_dir_all(folder, Attributes::mode(0o755))?;
        let copy = || -> io::Result<()> {
            let mut source = File::open(archive)?;
            let mut file = tempfile::tempfile_in(folder)?;
            io::copy(&mut source, &mut file)?;
            rustix::fs::fchmod(&file, rustix::fs::Mode::from_raw_mode(0o644))?;
            file.sync_all()?;
            publish(&mut file, place, folder)
        };
        copy().map_err(|source| RepositoryError::Copy {
            path: place.to_owned(),
            source,
        })
    }

    fn index_file(&self) -> PathBuf {
        self.folder.join("v1/INDEX.json")
    }

    /// Where an image is: every part of the path is a word that was checked.
    fn place(&self, image: &Listed) -> PathBuf {
        let words = [
            image.vendor.as_str(),
            image.variant.as_str(),
            image.arch.as_str(),
            image.distribution.as_str(),
            image.version.as_str(),
        ];
        let folder = words
            .iter()
            .fold(self.folder.join("v1"), |at, word| at.join(word));
        folder.join(ARCHIVE)
    }

    fn read(&self) -> Result<Option<Index>, RepositoryError> {
        let read = atomic::read(&self.index_file());
        let Some(bytes) = read.or_else(|error| match error.source.kind() {
            // The path goes through a file, or cannot be gone at all.
            io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => Ok(None),
            _ => Err(error),
        })?
        else {
            return Ok(None);
        };
        let index = serde_json::from_slice(&bytes).map_err(|source| RepositoryError::Index {
            path: self.folder.clone(),
            source,
        })?;
        Ok(Some(index))
    }
}

impl Index {
    fn put(&mut self, listed: Listed) {
        self.default_vendor
            .get_or_insert_with(|| listed.vendor.clone());
        let variant = || listed.variant.clone();
        self.vendors
            .entry(listed.vendor.clone())
            .or_insert_with(variant);
        let mut tags = listed.tags.clone();
        for other in self
            .images
            .iter_mut()
            .filter(|other| other.same_place(&listed))
        {
            if other.version == listed.version {
                tags.append(&mut other.tags);
            } else {
                other.tags.retain(|tag| !listed.tags.contains(tag));
            }
        }
        self.images
            .retain(|other| !(other.same_place(&listed) && other.version == listed.version));
        self.images.push(Listed { tags, ..listed });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_folder_is_no_repository() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let long = "x".repeat(300);
        for path in [file.path(), Path::new("/nonexistent"), Path::new(&long)] {
            let error = Repository::new(path).index().unwrap_err();
            assert_eq!(error.code(), Code::NotFound, "{error}");
        }
    }
}
