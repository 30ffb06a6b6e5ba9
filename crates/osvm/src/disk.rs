//! Disks of machines: files of the host.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::VmError;

/// A disk, seen in the machine as `/dev/disk/by-id/virtio-SERIAL` (with udev) and, in the order
/// they were given, as `/dev/vda`, `/dev/vdb`.
///
/// It is a raw file with holes, written without host flushes: a power cut ends QEMU, not the host,
/// so that what the machine wrote is in the file, and what it kept in its memory is not.
/// A disk outlives its machine if it is a file of the caller's: pull it out of one machine, put it
/// into another. QEMU locks the file, so two machines cannot have it at once.
#[derive(Debug, Clone)]
pub struct Disk {
    pub(crate) file: PathBuf,
    pub(crate) serial: String,
    pub(crate) access: Access,
}

/// What the machine may do to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Disk {
    /// A file that is there, such as a squashfs; the machine cannot change it.
    pub fn read_only(file: impl Into<PathBuf>, serial: &str) -> Self {
        Self::of(file, serial, Access::Read)
    }

    /// A file that is there; the machine changes it.
    pub fn writable(file: impl Into<PathBuf>, serial: &str) -> Self {
        Self::of(file, serial, Access::Write)
    }

    /// Makes a new, empty disk of that many bytes. It takes no space but what is written to it.
    ///
    /// *Errors*: [`VmError::File`] if the file exists.
    pub fn create(file: impl AsRef<Path>, serial: &str, size: u64) -> Result<Self, VmError> {
        let path = file.as_ref();
        let made = File::create_new(path).map_err(VmError::file("make disk", path))?;
        made.set_len(size)
            .map_err(VmError::file("size disk", path))?;
        Ok(Self::writable(path, serial))
    }

    /// The file it is.
    pub fn file(&self) -> &Path {
        &self.file
    }

    fn of(file: impl Into<PathBuf>, serial: &str, access: Access) -> Self {
        Self {
            file: file.into(),
            serial: serial.to_owned(),
            access,
        }
    }
}
