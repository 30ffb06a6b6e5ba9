//! Subvolumes and quota groups of btrfs, through the kernel's own calls.
//!
//! The `btrfs` program is not used for these: its listings are text, in which a subvolume that a
//! guest named `x\nID 300 ...` reads like two, and its errors have lost the errno. Names here are
//! one path component relative to an open directory, so no path is walked.
//!
//! *Source*: `include/uapi/linux/btrfs.h`, `btrfs_tree.h`; btrfs-ioctl(3).

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::SysError;
use crate::mount::Access;

mod abi;
mod search;

/// `BTRFS_SUPER_MAGIC`, as statfs(2) shows it.
const MAGIC: u64 = 0x9123_683E;
/// Inode number of the root of every subvolume (`BTRFS_FIRST_FREE_OBJECTID`).
const ROOT_INODE: u64 = 256;
/// Inode number of the empty directory that a snapshot has in place of a nested subvolume.
const PLACEHOLDER_INODE: u64 = 2;

/// What a directory is to btrfs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BtrfsDir {
    /// The root of a subvolume.
    Subvolume,
    /// What a snapshot shows where its source had a nested subvolume: always empty.
    Placeholder,
    /// An ordinary directory.
    Plain,
    /// A directory of another file system.
    Foreign,
}

/// Facts about one subvolume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subvolume {
    /// Number on its file system, also of its quota group `0/<id>`.
    pub id: u64,
    /// The subvolume that it is in; 0 for the top level.
    pub parent: u64,
    /// Whether it cannot be written.
    pub access: Access,
    /// Its own UUID; another one after each snapshot.
    pub uuid: [u8; 16],
    /// UUID of the subvolume it was received from; all zero if it was not received.
    pub received_uuid: [u8; 16],
    /// Transaction of the last change of its contents.
    pub changed: u64,
    /// Transaction that made it.
    pub born: u64,
    /// When it was made, by the clock of the host.
    pub created: SystemTime,
}

/// Figures of one quota group. *Units*: bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Qgroup {
    /// Everything reachable from the subvolume.
    pub referenced: u64,
    /// What only this subvolume reaches.
    pub exclusive: u64,
    /// Limit of `referenced`, if any.
    pub max_referenced: Option<u64>,
}

/// Opens a directory, refusing a symlink at the end of the path.
pub fn open_directory(path: &Path) -> Result<File, SysError> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
        .open(path)
        .map_err(|e| SysError::path("open", path, e))
}

/// Says what an open directory is.
pub fn classify(dir: &File) -> Result<BtrfsDir, SysError> {
    use std::os::unix::fs::MetadataExt;
    let failed = |e: io::Error| SysError::new("look at", "a directory", e);
    let fs = rustix::fs::fstatfs(dir).map_err(|e| failed(e.into()))?;
    if u64::try_from(fs.f_type).ok() != Some(MAGIC) {
        return Ok(BtrfsDir::Foreign);
    }
    Ok(match dir.metadata().map_err(failed)?.ino() {
        ROOT_INODE => BtrfsDir::Subvolume,
        PLACEHOLDER_INODE => BtrfsDir::Placeholder,
        _ => BtrfsDir::Plain,
    })
}

/// Facts about the subvolume that a directory is in.
pub fn subvolume_of(dir: &impl AsFd) -> Result<Subvolume, SysError> {
    let info = abi::subvolume_info(raw(dir))
        .map_err(|e| SysError::new("read", "facts about a subvolume", e))?;
    let access = if info.flags & abi::ROOT_SUBVOL_RDONLY == 0 {
        Access::ReadWrite
    } else {
        Access::ReadOnly
    };
    let age = Duration::new(info.otime.sec, info.otime.nsec.min(999_999_999));
    Ok(Subvolume {
        id: info.treeid,
        parent: info.parent_id,
        access,
        uuid: info.uuid,
        received_uuid: info.received_uuid,
        changed: info.ctransid,
        born: info.otransid,
        created: SystemTime::UNIX_EPOCH
            .checked_add(age)
            .unwrap_or(SystemTime::UNIX_EPOCH),
    })
}

/// Makes an empty subvolume.
pub fn create_subvolume(parent: &impl AsFd, name: &str) -> Result<(), SysError> {
    abi::VolArgsV2::named(name)
        .and_then(|args| abi::subvol_create(raw(parent), &args))
        .map_err(|e| SysError::new("create subvolume", name, e))
}

/// Makes a snapshot of the subvolume that `source` is the root of.
pub fn snapshot_subvolume(
    source: &impl AsFd,
    parent: &impl AsFd,
    name: &str,
    access: Access,
) -> Result<(), SysError> {
    let take = |mut args: abi::VolArgsV2| {
        args.fd = i64::from(raw(source));
        if access == Access::ReadOnly {
            args.flags |= abi::SUBVOL_RDONLY;
        }
        abi::snap_create(raw(parent), &args)
    };
    abi::VolArgsV2::named(name)
        .and_then(take)
        .map_err(|e| SysError::new("create snapshot", name, e))
}

/// Destroys a subvolume; its blocks are freed later, in the background.
///
/// *Errors*: `ENOTEMPTY` if other subvolumes are in it.
pub fn destroy_subvolume(parent: &impl AsFd, name: &str) -> Result<(), SysError> {
    abi::VolArgs::named(name)
        .and_then(|args| abi::snap_destroy(raw(parent), &args))
        .map_err(|e| SysError::new("destroy subvolume", name, e))
}

/// Destroys a subvolume and everything nested in it, with any owner and any name.
pub fn destroy_subvolume_tree(parent: &impl AsFd, name: &str, id: u64) -> Result<(), SysError> {
    let failed = |e| SysError::new("destroy subvolumes in", name, e);
    // Depth first with an explicit stack: a guest may nest as deep as it likes.
    let mut stack = search::child_subvolumes(raw(parent), id).map_err(failed)?;
    while let Some(next) = stack.last().copied() {
        let children = search::child_subvolumes(raw(parent), next).map_err(failed)?;
        if children.is_empty() {
            stack.pop();
            abi::snap_destroy_by_id(raw(parent), next).map_err(failed)?;
        } else {
            stack.extend(children);
        }
    }
    destroy_subvolume(parent, name)
}

/// Turns quota groups on and waits until they are counted. No error if they are on.
pub fn enable_quotas(dir: &impl AsFd) -> Result<(), SysError> {
    abi::quota_enable(raw(dir))
        .and_then(|()| abi::quota_rescan_wait(raw(dir)))
        .map_err(|e| SysError::new("enable", "quotas", e))
}

/// Limits what a subvolume may reference; `None` takes the limit away.
///
/// *Errors*: `ENOTCONN` if quotas are off.
pub fn limit_qgroup(dir: &impl AsFd, id: u64, limit: Option<u64>) -> Result<(), SysError> {
    abi::qgroup_limit(raw(dir), id, limit.unwrap_or(u64::MAX))
        .map_err(|e| SysError::new("limit quota group", format!("0/{id}"), e))
}

/// Figures of all subvolumes by their id, as of the last transaction.
///
/// `None` if quotas are off, or being counted, or if the kernel itself says that its count is not
/// right: no figure is better than a wrong one.
pub fn qgroups(dir: &impl AsFd) -> Result<Option<BTreeMap<u64, Qgroup>>, SysError> {
    search::qgroups(raw(dir)).map_err(|e| SysError::new("read", "quota groups", e))
}

/// Makes all changes of names and attributes so far durable, without waiting for file contents.
pub fn commit_transaction(dir: &impl AsFd) -> Result<(), SysError> {
    abi::start_sync(raw(dir))
        .and_then(|id| abi::wait_sync(raw(dir), id))
        .map_err(|e| SysError::new("commit", "a file system", e))
}

/// Writes everything that is pending to disk.
pub fn sync_filesystem(dir: &impl AsFd) -> Result<(), SysError> {
    rustix::fs::syncfs(dir).map_err(|e| SysError::new("sync", "a file system", e))
}

fn raw(dir: &impl AsFd) -> i32 {
    dir.as_fd().as_raw_fd()
}

/// Shows a UUID in the usual form.
pub fn format_uuid(uuid: &[u8; 16]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(36);
    for (i, byte) in uuid.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    text
}
