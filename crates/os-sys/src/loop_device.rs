//! A loop device: a file shown as a block device.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use crate::SysError;
use crate::mount::Access;
use crate::mountinfo::strip_deleted;
use crate::patience;

mod abi;

/// Maximum attempts to get a free device. Between the query for a free device and its use another process
/// may take it; each attempt loses at most one device to another process.
const ATTEMPTS: usize = 64;

/// How a file is attached.
#[derive(Debug, Clone, Copy)]
pub struct LoopOptions {
    /// Whether the device is writable.
    pub access: Access,
    /// Whether to bypass the page cache of the file system below: saves memory. If the file
    /// system does not support it, the kernel silently uses the page cache.
    pub direct_io: bool,
}

/// An attached loop device.
///
/// Dropping this value does not detach the device, because an imported pool must survive the daemon.
/// For the same reason the kernel's autoclear is off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopDevice {
    number: u32,
    node: PathBuf,
}

impl LoopDevice {
    /// The device node, for example `/dev/loop3`.
    pub fn node(&self) -> &Path {
        &self.node
    }

    /// Attaches a file to a free device.
    ///
    /// The caller makes sure that the file is not attached yet ([`LoopDevice::attached_to`]): the
    /// kernel would attach it twice and both would write.
    pub fn attach(backing: &Path, options: LoopOptions) -> Result<Self, SysError> {
        let file = OpenOptions::new()
            .read(true)
            .write(options.access == Access::ReadWrite)
            .open(backing)
            .map_err(|e| SysError::path("open", backing, e))?;
        let mut last = io::Error::from_raw_os_error(libc::EBUSY);
        for _ in 0..ATTEMPTS {
            let device = Self::free()?;
            let node = device.open()?;
            match abi::configure(&node, &file, backing, options) {
                Ok(()) => return Ok(device),
                Err(e) if e.raw_os_error() == Some(libc::EBUSY) => last = e,
                Err(e) => return Err(device.fail("attach", backing, e)),
            }
        }
        Err(SysError::path("find a free loop device for", backing, last))
    }

    /// The device a file is attached to. `None` if it is not attached.
    ///
    /// Compares device and inode, so another name of the same file is recognised; a file that was
    /// removed while attached is compared by its former name.
    pub fn attached_to(backing: &Path) -> Result<Option<Self>, SysError> {
        let wanted = match fs::metadata(backing) {
            Ok(m) => Some((m.dev(), m.ino())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(SysError::path("look at", backing, e)),
        };
        for device in Self::all()? {
            let Some(shown) = device.backing_file() else {
                continue;
            };
            let same = match (wanted, strip_deleted(&shown)) {
                (None, Some(former)) => former == backing,
                (Some(id), None) => fs::metadata(&shown).is_ok_and(|m| (m.dev(), m.ino()) == id),
                _ => false,
            };
            if same {
                return Ok(Some(device));
            }
        }
        Ok(None)
    }

    /// The file shown by the device. `None` if the device is free.
    ///
    /// *Shape*: as the kernel prints it, with ` (deleted)` at the end for a removed file.
    pub fn backing_file(&self) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStringExt;
        let mut bytes = fs::read(self.sysfs("loop/backing_file")).ok()?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        (!bytes.is_empty()).then(|| std::ffi::OsString::from_vec(bytes).into())
    }

    /// Detaches the file and waits until the kernel has done so.
    ///
    /// While a process has the device open, the kernel only marks it, and detaches it at the last close.
    ///
    /// *Errors*: `ETIMEDOUT` if it is still attached after `timeout`; then the kernel detaches it when
    /// the last user closes it. A free device is not an error.
    pub fn detach(&self, timeout: Duration) -> Result<(), SysError> {
        let Some(backing) = self.backing_file() else {
            return Ok(());
        };
        let node = self.open()?;
        match abi::clear(&node) {
            Ok(()) => {}
            Err(e) if e.raw_os_error() == Some(libc::ENXIO) => return Ok(()),
            Err(e) => return Err(self.fail("detach", &backing, e)),
        }
        drop(node);
        // Another process may get the number at once, so only a device with *our* file counts as attached.
        let gone = patience::until(timeout, || {
            Ok((self.backing_file().as_ref() != Some(&backing)).then_some(()))
        })?;
        gone.ok_or_else(|| {
            let e = io::Error::from_raw_os_error(libc::ETIMEDOUT);
            self.fail("detach", &backing, e)
        })
    }

    fn free() -> Result<Self, SysError> {
        let path = Path::new("/dev/loop-control");
        let control = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|e| SysError::path("open", path, e))?;
        let number =
            abi::get_free(&control).map_err(|e| SysError::new("get", "a free loop device", e))?;
        Ok(Self::numbered(number))
    }

    fn all() -> Result<Vec<Self>, SysError> {
        let path = Path::new("/sys/block");
        let entries = fs::read_dir(path).map_err(|e| SysError::path("read", path, e))?;
        let mut numbers: Vec<u32> = entries
            .filter_map(|e| {
                e.ok()?
                    .file_name()
                    .to_str()?
                    .strip_prefix("loop")?
                    .parse()
                    .ok()
            })
            .collect();
        numbers.sort_unstable();
        Ok(numbers.into_iter().map(Self::numbered).collect())
    }

    fn numbered(number: u32) -> Self {
        let node = PathBuf::from(format!("/dev/loop{number}"));
        Self { number, node }
    }

    fn sysfs(&self, leaf: &str) -> PathBuf {
        PathBuf::from(format!("/sys/block/loop{}/{leaf}", self.number))
    }

    /// Opens the node; makes it first where neither udev nor devtmpfs did.
    fn open(&self) -> Result<File, SysError> {
        let attempt = || OpenOptions::new().read(true).write(true).open(&self.node);
        let file = match attempt() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                self.make_node()?;
                attempt()
            }
            other => other,
        };
        let file = file.map_err(|e| SysError::path("open", &self.node, e))?;
        let kind = file
            .metadata()
            .map_err(|e| SysError::path("look at", &self.node, e))?
            .file_type();
        if kind.is_block_device() {
            Ok(file)
        } else {
            let e = io::Error::from_raw_os_error(libc::ENOTBLK);
            Err(SysError::path("use", &self.node, e))
        }
    }

    fn make_node(&self) -> Result<(), SysError> {
        // With the module parameter max_part the minor differs from the number, so ask sysfs.
        let path = self.sysfs("dev");
        let text = fs::read_to_string(&path).map_err(|e| SysError::path("read", &path, e))?;
        let numbers = text
            .trim()
            .split_once(':')
            .and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        let Some((major, minor)) = numbers else {
            let e = io::Error::from(io::ErrorKind::InvalidData);
            return Err(SysError::path("read", &path, e));
        };
        let mode = Mode::RUSR | Mode::WUSR;
        let device = makedev(major, minor);
        match mknodat(CWD, &self.node, FileType::BlockDevice, mode, device) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(e) => Err(SysError::path("make", &self.node, e)),
        }
    }

    fn fail(&self, action: &'static str, backing: &Path, e: io::Error) -> SysError {
        SysError::new(
            action,
            format!("{} ({})", self.node.display(), backing.display()),
            e,
        )
    }
}

// Used by `abi`, too, which does not import the trait for anything else.
fn raw(file: &File) -> i32 {
    file.as_raw_fd()
}

#[cfg(test)]
mod tests;
