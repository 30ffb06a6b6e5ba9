//! An initrd made here: a cpio archive in the "newc" format, uncompressed.
//!
//! For machines that are smaller than the system: the probe of KVM, and tests of this crate.
//! *Source*: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.

use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use crate::{VmError, host};

/// An archive in the making. Entries are in the order they were added, directories before contents.
#[derive(Debug, Clone, Default)]
pub struct Initrd {
    archive: Vec<u8>,
    entries: u32,
}

impl Initrd {
    /// An archive with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// The host's busybox as `/bin/busybox` and `/bin/sh`, empty directories to mount on, and `init`,
    /// a script that begins with `#!/bin/busybox sh`.
    ///
    /// *Errors*: [`VmError::ProgramMissing`] without a busybox. It has to be a static one.
    pub fn with_busybox(init: &str) -> Result<Self, VmError> {
        let busybox = host::find_program("busybox", "busybox-static")?;
        let busybox = read(&busybox)?;
        let mut initrd = Self::new();
        for folder in ["bin", "dev", "proc", "sys", "tmp", "root"] {
            initrd = initrd.folder(folder);
        }
        Ok(initrd
            .file("bin/busybox", 0o755, &busybox)
            .link("bin/sh", "busybox")
            .file("init", 0o755, init.as_bytes()))
    }

    /// Adds a directory.
    #[must_use]
    pub fn folder(self, path: &str) -> Self {
        self.entry(path, FileType::Directory, 0o755, &[])
    }

    /// Adds a file.
    #[must_use]
    pub fn file(self, path: &str, mode: u32, contents: &[u8]) -> Self {
        self.entry(path, FileType::RegularFile, mode, contents)
    }

    /// Adds a file with the contents of a file of the host.
    pub fn file_of(self, path: &str, mode: u32, source: &Path) -> Result<Self, VmError> {
        Ok(self.file(path, mode, &read(source)?))
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn link(self, path: &str, target: &str) -> Self {
        self.entry(path, FileType::Symlink, 0o777, target.as_bytes())
    }

    /// Writes the archive to a file and returns its path.
    pub fn write_to(self, path: PathBuf) -> Result<PathBuf, VmError> {
        host::write(&path, &self.finish())?;
        Ok(path)
    }

    fn finish(self) -> Vec<u8> {
        self.entry("TRAILER!!!", FileType::Unknown, 0, &[]).archive
    }

    fn entry(mut self, path: &str, kind: FileType, mode: u32, contents: &[u8]) -> Self {
        self.entries += 1;
        let mode = match kind {
            FileType::Unknown => 0,
            kind => kind.as_raw_mode() | mode,
        };
        let size = u32::try_from(contents.len()).unwrap_or(u32::MAX);
        let name = u32::try_from(path.len() + 1).unwrap_or(u32::MAX);
        // ino, mode, uid, gid, nlink, mtime, size, device (2), special device (2), name, check
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name, 0];
        let header = fields.map(|field| format!("{field:08x}")).concat();
        self.archive.extend_from_slice(b"070701");
        self.archive.extend_from_slice(header.as_bytes());
        self.archive.extend_from_slice(path.as_bytes());
        self.archive.push(0);
        self.align();
        self.archive.extend_from_slice(contents);
        self.align();
        self
    }

    fn align(&mut self) {
        let length = self.archive.len().next_multiple_of(4);
        self.archive.resize(length, 0);
    }
}

fn read(path: &Path) -> Result<Vec<u8>, VmError> {
    std::fs::read(path).map_err(VmError::file("read", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reader is the host's own, so that not both sides have the same mistake.
    #[test]
    fn cpio_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let initrd = Initrd::new()
            .folder("a")
            .file("a/odd", 0o640, b"12345")
            .link("a/link", "odd");
        let path = initrd.write_to(dir.path().join("initrd")).unwrap();
        let busybox = host::find_program("busybox", "busybox-static").unwrap();
        let request = os_sys::SpawnRequest::new(busybox)
            .args(["sh", "-c", "cd \"$0\" && busybox cpio -id"])
            .arg(dir.path())
            .stdin(std::fs::File::open(path).unwrap());
        let mut child = os_sys::spawn(request).unwrap();
        let ended = child.wait(std::time::Duration::from_secs(10)).unwrap();
        assert!(ended.unwrap().success());
        let link = dir.path().join("a/link");
        assert_eq!(std::fs::read_to_string(&link).unwrap(), "12345");
        assert_eq!(std::fs::read_link(&link).unwrap(), Path::new("odd"));
    }
}
