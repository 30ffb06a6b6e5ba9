//! Making and destroying zpools on a file or a disk.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use os_cmd::{CommandError, Invocation, Runner};
use os_types::ByteSize;

use super::closing::export_patiently;
use super::imported::{Imported, is_made_of, partitions};
use super::opening::status;
use crate::image_file::{self, failed, unfinished};
use crate::{Change, PoolError, PoolPlace, PoolSource, PoolStatus};

/// Without udev ZFS waits half a minute for the device nodes of its partitions.
const CREATE_DEADLINE: Duration = Duration::from_mins(5);
const EXPORT_PATIENCE: Duration = Duration::from_secs(10);

/// Properties of the pool's own dataset. It is not mounted before it is opened.
const PROPERTIES: [&str; 6] = [
    "mountpoint=none",
    "acltype=posixacl",
    "xattr=sa",
    "atime=off",
    "setuid=off",
    "devices=off",
];

/// Where the ring of uberblocks is in a label. *Source*: `include/sys/vdev_impl.h`.
const RING: std::ops::Range<usize> = (128 << 10)..(256 << 10);
/// Least distance of two uberblocks.
const SLOT: usize = 1 << 10;
/// `UBERBLOCK_MAGIC`.
const MAGIC: u64 = 0x00ba_b10c;
/// Where btrfs has `_BHRfS_M`. *Source*: btrfs(5), superblock.
const BTRFS_MAGIC: std::ops::Range<usize> = (64 << 10) + 64..(64 << 10) + 72;

/// Whether a file or disk, or the partition that ZFS makes on one, carries a label of ZFS.
pub(crate) fn has_label(path: &Path) -> bool {
    let labelled = |path: &Path| read_start(path).is_ok_and(|start| is_label(&start));
    labelled(path) || partitions(path).iter().any(|path| labelled(path))
}

fn read_start(path: &Path) -> io::Result<Vec<u8>> {
    let kind = fs::metadata(path)?.file_type();
    let mut start = Vec::new();
    if kind.is_file() || kind.is_block_device() {
        let length = u64::try_from(RING.end).unwrap_or(u64::MAX);
        File::open(path)?.take(length).read_to_end(&mut start)?;
    }
    Ok(start)
}

fn is_label(start: &[u8]) -> bool {
    let magic = |slot: &[u8]| {
        let bytes = slot.first_chunk::<8>().copied().unwrap_or_default();
        u64::from_le_bytes(bytes) == MAGIC || u64::from_be_bytes(bytes) == MAGIC
    };
    // A disk that was of ZFS once keeps its uberblocks when it becomes a btrfs.
    let btrfs = start.get(BTRFS_MAGIC) == Some(b"_BHRfS_M".as_slice());
    let ring = start.get(RING).unwrap_or_default();
    !btrfs && ring.chunks(SLOT).any(magic)
}

pub(super) fn create(
    runner: &dyn Runner,
    place: &PoolPlace,
    source: &PoolSource,
    size: ByteSize,
) -> Result<Change, PoolError> {
    match source {
        PoolSource::Image(path) => image_file::create(
            (&place.name, path),
            size,
            |path| recognise(runner, place, path),
            |unfinished| zpool_create(runner, place, unfinished),
            |unfinished| discard(runner, place, unfinished),
        ),
        PoolSource::BlockDevice(path) => create_on_device(runner, place, path),
        PoolSource::Directory(_) | PoolSource::Zpool => Err(PoolError::not_pool(
            source.path(),
            "a zpool on several disks is made by zpool create",
        )),
    }
}

/// Makes a zpool and exports it.
fn zpool_create(runner: &dyn Runner, place: &PoolPlace, path: &Path) -> Result<(), PoolError> {
    let pool = &place.name;
    let mut command = Invocation::new("zpool")
        .args(["create", "-o", "cachefile=none", "-o", "ashift=12"])
        .deadline(CREATE_DEADLINE);
    for property in PROPERTIES {
        command = command.args(["-O", property]);
    }
    match runner.run(command.arg(pool.as_str()).arg(path)) {
        Ok(_) => {}
        Err(error) if error.stderr().contains("pool already exists") => {
            let path = PathBuf::from(pool.as_str());
            let pool = pool.clone();
            return Err(PoolError::Exists { pool, path });
        }
        Err(error) if error.stderr().contains("No space left on device") => {
            let path = path.to_owned();
            return Err(PoolError::NoSpace { path });
        }
        Err(error) => return Err(PoolError::tool("make", pool, error)),
    }
    match export_patiently(runner, pool, EXPORT_PATIENCE)? {
        Some(()) => Ok(()),
        None => Err(PoolError::Busy {
            pool: pool.clone(),
            holders: Vec::new(),
        }),
    }
}

/// Throws away what an interrupted attempt left: a file, and maybe a zpool in it.
fn discard(runner: &dyn Runner, place: &PoolPlace, path: &Path) -> Result<Change, PoolError> {
    let pool = &place.name;
    if path.symlink_metadata().is_err() {
        return Ok(Change::Unchanged);
    }
    let source = PoolSource::Image(path.to_owned());
    if Imported::find(runner, pool)?.is_some() && is_made_of(runner, pool, &source)? {
        let command = Invocation::new("zpool").args(["destroy", "-f", pool.as_str()]);
        runner
            .run(command)
            .map_err(|e| PoolError::tool("discard", pool, e))?;
    }
    image_file::remove(path)
}

fn create_on_device(
    runner: &dyn Runner,
    place: &PoolPlace,
    path: &Path,
) -> Result<Change, PoolError> {
    let kind = match fs::metadata(path) {
        Ok(meta) => meta.file_type(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let path = path.to_owned();
            return Err(PoolError::NotFound { path });
        }
        Err(e) => return Err(failed("look at", path, e)),
    };
    if !kind.is_block_device() {
        return Err(PoolError::not_pool(path, "not a block device"));
    }
    if has_label(path) {
        return recognise(runner, place, path);
    }
    // Without -f zpool refuses a disk that has anything on it.
    match zpool_create(runner, place, path) {
        Err(PoolError::Tool { source, .. }) if source.stderr().contains("use '-f'") => {
            Err(PoolError::Exists {
                pool: place.name.clone(),
                path: path.to_owned(),
            })
        }
        other => other.map(|()| Change::Created),
    }
}

/// A source that is there is this pool if its label has the pool's name.
fn recognise(runner: &dyn Runner, place: &PoolPlace, path: &Path) -> Result<Change, PoolError> {
    let candidates = partitions(path).into_iter().filter(|path| path.exists());
    for path in [path.to_owned()].into_iter().chain(candidates) {
        match runner.run(Invocation::new("zdb").arg("-l").arg(&path)) {
            Ok(output) if label_name(&output.text()) == Some(place.name.as_str()) => {
                return Ok(Change::Unchanged);
            }
            Ok(_) | Err(CommandError::Failed { .. }) => {}
            Err(error) => return Err(PoolError::tool("look at", &place.name, error)),
        }
    }
    Err(PoolError::Exists {
        pool: place.name.clone(),
        path: path.to_owned(),
    })
}

/// The name in what `zdb -l` prints: `    name: 'tank'`.
fn label_name(text: &str) -> Option<&str> {
    let mut lines = text.lines().map(str::trim);
    lines.find_map(|line| line.strip_prefix("name: '")?.strip_suffix('\''))
}

pub(super) fn destroy(
    runner: &dyn Runner,
    place: &PoolPlace,
    source: &PoolSource,
) -> Result<Change, PoolError> {
    match status(runner, place, source)? {
        PoolStatus::Missing => {
            return match source {
                PoolSource::Image(path) => discard(runner, place, &unfinished(path)),
                _ => Ok(Change::Unchanged),
            };
        }
        PoolStatus::Closed => {}
        PoolStatus::HalfOpen | PoolStatus::Open { .. } => {
            return Err(PoolError::is_open(&place.name));
        }
    }
    match source {
        PoolSource::Image(path) => {
            discard(runner, place, &unfinished(path))?;
            image_file::remove(path)
        }
        PoolSource::BlockDevice(path) => clear_labels(runner, place, path),
        PoolSource::Directory(_) | PoolSource::Zpool => Err(PoolError::not_pool(
            source.path(),
            "a zpool on several disks is destroyed by zpool destroy",
        )),
    }
}

fn clear_labels(runner: &dyn Runner, place: &PoolPlace, path: &Path) -> Result<Change, PoolError> {
    let candidates = partitions(path).into_iter().chain([path.to_owned()]);
    let mut change = Change::Unchanged;
    for path in candidates.filter(|path| path.exists()) {
        if read_start(&path).is_ok_and(|start| is_label(&start)) {
            let command = Invocation::new("zpool")
                .args(["labelclear", "-f"])
                .arg(path);
            runner
                .run(command)
                .map_err(|e| PoolError::tool("wipe", &place.name, e))?;
            change = Change::Removed;
        }
    }
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_told_from_btrfs() {
        let mut start = vec![0; RING.end];
        assert!(!is_label(&start) && !is_label(&[]));
        start[RING.start + 3 * SLOT..][..8].copy_from_slice(&MAGIC.to_le_bytes());
        assert!(is_label(&start));
        start[BTRFS_MAGIC].copy_from_slice(b"_BHRfS_M");
        assert!(!is_label(&start));
    }

    #[test]
    fn the_name_is_in_the_label() {
        let text = "------------------------------------\nLABEL 0 \n    version: 5000\n    \
                    name: 'tank'\n    state: 1\n";
        assert_eq!(label_name(text), Some("tank"));
        assert_eq!(label_name("failed to unpack label 0\n"), None);
    }
}
