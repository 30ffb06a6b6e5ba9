//! Attaching and mounting a pool.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use os_sys::{
    Access, LoopDevice, LoopOptions, MountEntry, MountTable, ReadOnlyView, bind_mount,
    mount_filesystem, space_of,
};
use os_types::ByteSize;

use super::source::check_directory;
use crate::mountpoint::prepare_mountpoint;
use crate::pools::{Inspection, look, system};
use crate::view::FolderView;
use crate::{Change, PoolError, PoolPlace, PoolSource, PoolStatus};

/// How long a program that this process starts meanwhile may keep what it inherited.
const INSPECTION_PATIENCE: Duration = Duration::from_secs(10);

/// How long the kernel may take to let go of a loop device after its last user.
pub(super) const DETACH_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads without replaying the log: a pool that another host has open must not be touched.
const INSPECT_OPTION: (&str, &str) = ("rescue", "nologreplay");

/// What the kernel knows of a source.
pub(super) struct Attachment {
    /// What would be, or is, mounted: the loop device, the disk, or the directory.
    pub(super) device: Option<PathBuf>,
    pub(super) loop_device: Option<LoopDevice>,
    /// The mount at the pool's place, if it is of this source.
    pub(super) mount: Option<MountEntry>,
    pub(super) table: MountTable,
}

impl Attachment {
    /// *Errors*: `NotFound`, `NotPool`, and `MountpointTaken` if something else is mounted there.
    pub(super) fn find(place: &PoolPlace, source: &PoolSource) -> Result<Self, PoolError> {
        let path = source.path();
        let table = MountTable::read().map_err(|e| system("look at", path, e))?;
        let meta = match fs::metadata(path) {
            Ok(meta) => meta,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(PoolError::NotFound {
                    path: path.to_owned(),
                });
            }
            Err(e) => return Err(system("look at", path, e)),
        };
        let kind = meta.file_type();
        let mut loop_device = None;
        let device = match source {
            PoolSource::Image(_) if !kind.is_file() => {
                return Err(PoolError::not_pool(path, "not a file"));
            }
            PoolSource::BlockDevice(_) if !kind.is_block_device() => {
                return Err(PoolError::not_pool(path, "not a block device"));
            }
            PoolSource::Image(_) => {
                loop_device =
                    LoopDevice::attached_to(path).map_err(|e| system("look at", path, e))?;
                loop_device.as_ref().map(|d| d.node().to_owned())
            }
            PoolSource::Zpool => {
                return Err(PoolError::not_pool(path, "a zpool is nothing for btrfs"));
            }
            PoolSource::BlockDevice(_) | PoolSource::Directory(_) => Some(
                path.canonicalize()
                    .map_err(|e| system("look at", path, e))?,
            ),
        };
        let mut found = Self {
            device,
            loop_device,
            mount: None,
            table,
        };
        if let Some(entry) = found.table.at(&place.mountpoint) {
            if !found.is_of_source(entry, source)? {
                return Err(PoolError::MountpointTaken {
                    mountpoint: place.mountpoint.clone(),
                    by: format!("{} ({})", entry.source.display(), entry.fstype),
                });
            }
            found.mount = Some(entry.clone());
        }
        Ok(found)
    }

    fn is_of_source(&self, entry: &MountEntry, source: &PoolSource) -> Result<bool, PoolError> {
        let Some(device) = &self.device else {
            return Ok(false);
        };
        match source {
            PoolSource::Image(_) | PoolSource::BlockDevice(_) => Ok(entry.fstype == "btrfs"
                && entry.source == *device
                && entry.root == Path::new("/")),
            PoolSource::Zpool => Ok(false),
            PoolSource::Directory(_) => {
                let id = |path: &Path| {
                    use std::os::unix::fs::MetadataExt;
                    fs::metadata(path)
                        .map(|m| (m.dev(), m.ino()))
                        .map_err(|e| system("look at", path, e))
                };
                // The device number of a btrfs subvolume is its own, so this is an identity.
                Ok(id(device)? == id(&entry.mount_point)?)
            }
        }
    }
}

pub(super) fn status(place: &PoolPlace, source: &PoolSource) -> Result<PoolStatus, PoolError> {
    let found = match Attachment::find(place, source) {
        Ok(found) => found,
        Err(PoolError::NotFound { .. }) => return Ok(PoolStatus::Missing),
        // Something else is there, so this pool is not.
        Err(PoolError::MountpointTaken { .. }) => return Ok(PoolStatus::Closed),
        Err(e) => return Err(e),
    };
    Ok(match (found.mount, found.loop_device) {
        (Some(entry), _) => {
            let path = &place.mountpoint;
            let space = space_of(path).map_err(|e| system("look at", path, e))?;
            PoolStatus::Open {
                device: entry.source,
                size: ByteSize(space.total),
                available: ByteSize(space.available),
            }
        }
        (None, Some(_)) => PoolStatus::HalfOpen,
        (None, None) => PoolStatus::Closed,
    })
}

pub(super) fn open(
    place: &PoolPlace,
    source: &PoolSource,
    inspect: Inspection<'_>,
) -> Result<Change, PoolError> {
    let found = Attachment::find(place, source)?;
    if found.mount.is_some() {
        look(place, &FolderView(&place.mountpoint), inspect)?;
        return Ok(Change::Unchanged);
    }
    if let (PoolSource::Image(_) | PoolSource::BlockDevice(_), Some(device)) =
        (source, &found.device)
        && let Some(other) = found.table.of_source(device).next()
    {
        return Err(PoolError::OpenElsewhere {
            path: source.path().to_owned(),
            at: other.mount_point.clone(),
        });
    }
    prepare_mountpoint(&place.mountpoint)?;
    match source {
        PoolSource::Zpool => {}
        PoolSource::Directory(path) => {
            check_directory(path)?;
            look(place, &FolderView(path), inspect)?;
            bind_mount(path, &place.mountpoint).map_err(|e| system("open", path, e))?;
        }
        PoolSource::BlockDevice(path) => mount_inspected(place, path, inspect)?,
        PoolSource::Image(path) => open_image(place, path, found, inspect)?,
    }
    Ok(Change::Created)
}

fn open_image(
    place: &PoolPlace,
    path: &Path,
    found: Attachment,
    inspect: Inspection<'_>,
) -> Result<(), PoolError> {
    let device = if let Some(device) = found.loop_device {
        device
    } else {
        // Direct I/O would refuse images on file systems that cannot do it, and a page cache
        // twice is the lesser evil for the small pools that images are made for.
        let options = LoopOptions {
            access: Access::ReadWrite,
            direct_io: false,
        };
        let real = path
            .canonicalize()
            .map_err(|e| system("look at", path, e))?;
        LoopDevice::attach(&real, options).map_err(|e| system("attach", path, e))?
    };
    let mounted = mount_inspected(place, device.node(), inspect);
    if mounted.is_err()
        && let Err(error) = device.detach(DETACH_TIMEOUT)
    {
        tracing::warn!(image = %path.display(), %error, "image stays attached");
    }
    mounted
}

fn mount_inspected(
    place: &PoolPlace,
    device: &Path,
    inspect: Inspection<'_>,
) -> Result<(), PoolError> {
    let view = ReadOnlyView::mount(device, "btrfs", INSPECT_OPTION)
        .map_err(|e| not_a_filesystem(device, e))?;
    look(place, &FolderView(&view.root()), inspect)?;
    drop(view);
    mount_after_inspection(device, &place.mountpoint)
}

/// Mounts a file system that was mounted read-only a moment ago. A program that another thread starts
/// at this moment has a copy of the descriptor until it executes; as long the kernel answers `EINVAL`,
/// for it would have to change the options of what it has.
fn mount_after_inspection(device: &Path, mountpoint: &Path) -> Result<(), PoolError> {
    let held = |e: &os_sys::SysError| {
        let errno = e.errno().map(rustix::io::Errno::from_raw_os_error);
        matches!(
            errno,
            Some(rustix::io::Errno::INVAL | rustix::io::Errno::BUSY)
        )
    };
    let mut last = None;
    let mounted = os_sys::patience::until(INSPECTION_PATIENCE, || {
        match mount_filesystem(device, mountpoint, "btrfs", Access::ReadWrite, "") {
            Err(e) if held(&e) => {
                last = Some(e);
                Ok(None)
            }
            other => other.map(Some),
        }
    });
    match (mounted, last) {
        (Ok(Some(())), _) => Ok(()),
        (Err(e), _) | (Ok(None), Some(e)) => Err(system("mount", device, e)),
        (Ok(None), None) => Err(PoolError::not_pool(device, "it was not mounted in time")),
    }
}

fn not_a_filesystem(device: &Path, e: os_sys::SysError) -> PoolError {
    if e.errno() == Some(rustix::io::Errno::INVAL.raw_os_error()) {
        PoolError::not_pool(device, "there is no btrfs on it")
    } else {
        system("inspect", device, e)
    }
}
