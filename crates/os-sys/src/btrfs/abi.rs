//! Structures and numbers of the kernel, each call wrapped once.

use std::io;
use std::mem::size_of;
use std::os::fd::RawFd;

pub(super) const SUBVOL_RDONLY: u64 = 1 << 1;
pub(super) const ROOT_SUBVOL_RDONLY: u64 = 1;
const SUBVOL_SPEC_BY_ID: u64 = 1 << 4;
const QGROUP_LIMIT_MAX_RFER: u64 = 1;
const QUOTA_CTL_ENABLE: u64 = 1;

/// Longest name that the calls take (`BTRFS_VOL_NAME_MAX`).
const NAME_MAX: usize = 255;

const fn request(direction: u64, number: u64, size: usize) -> libc::c_ulong {
    (direction << 30) | ((size as u64) << 16) | (0x94 << 8) | number
}
const NONE: u64 = 0;
const WRITE: u64 = 1;
const READ: u64 = 2;

const SNAP_DESTROY: libc::c_ulong = request(WRITE, 15, size_of::<VolArgs>());
const TREE_SEARCH: libc::c_ulong = request(READ | WRITE, 17, size_of::<SearchArgs>());
const WAIT_SYNC: libc::c_ulong = request(WRITE, 22, size_of::<u64>());
const SNAP_CREATE_V2: libc::c_ulong = request(WRITE, 23, size_of::<VolArgsV2>());
const SUBVOL_CREATE_V2: libc::c_ulong = request(WRITE, 24, size_of::<VolArgsV2>());
const START_SYNC: libc::c_ulong = request(READ, 24, size_of::<u64>());
const QUOTA_CTL: libc::c_ulong = request(READ | WRITE, 40, size_of::<QuotaCtl>());
const QGROUP_LIMIT: libc::c_ulong = request(READ, 43, size_of::<QgroupLimit>());
const QUOTA_RESCAN_WAIT: libc::c_ulong = request(NONE, 46, 0);
const GET_SUBVOL_INFO: libc::c_ulong = request(READ, 60, size_of::<SubvolInfo>());
const SNAP_DESTROY_V2: libc::c_ulong = request(WRITE, 63, size_of::<VolArgsV2>());

#[repr(C)]
pub(super) struct VolArgs {
    fd: i64,
    name: [u8; 4088],
}

#[repr(C)]
pub(super) struct VolArgsV2 {
    pub(super) fd: i64,
    transid: u64,
    pub(super) flags: u64,
    unused: [u64; 4],
    name: [u8; 4040],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Timespec {
    pub(super) sec: u64,
    pub(super) nsec: u32,
    padding: u32,
}

#[repr(C)]
pub(super) struct SubvolInfo {
    pub(super) treeid: u64,
    name: [u8; NAME_MAX + 1],
    pub(super) parent_id: u64,
    dirid: u64,
    generation: u64,
    pub(super) flags: u64,
    pub(super) uuid: [u8; 16],
    parent_uuid: [u8; 16],
    pub(super) received_uuid: [u8; 16],
    pub(super) ctransid: u64,
    pub(super) otransid: u64,
    stransid: u64,
    rtransid: u64,
    ctime: Timespec,
    pub(super) otime: Timespec,
    stime: Timespec,
    rtime: Timespec,
    reserved: [u64; 8],
}

#[repr(C)]
pub(super) struct SearchKey {
    pub(super) tree_id: u64,
    pub(super) min_objectid: u64,
    pub(super) max_objectid: u64,
    pub(super) min_offset: u64,
    pub(super) max_offset: u64,
    pub(super) min_transid: u64,
    pub(super) max_transid: u64,
    pub(super) min_type: u32,
    pub(super) max_type: u32,
    pub(super) nr_items: u32,
    pub(super) unused: u32,
    pub(super) unused1: [u64; 4],
}

#[repr(C)]
pub(super) struct SearchArgs {
    pub(super) key: SearchKey,
    pub(super) buf: [u8; 3992],
}

#[repr(C)]
struct QuotaCtl {
    cmd: u64,
    status: u64,
}

#[repr(C)]
struct QgroupLimit {
    qgroupid: u64,
    flags: u64,
    max_rfer: u64,
    max_excl: u64,
    rsv_rfer: u64,
    rsv_excl: u64,
}

// The request number carries the size, but a wrong layout of the right size would pass: these
// are the sizes that the kernel header gives.
const _: () = assert!(size_of::<VolArgs>() == 4096);
const _: () = assert!(size_of::<VolArgsV2>() == 4096);
const _: () = assert!(size_of::<SubvolInfo>() == 504);
const _: () = assert!(size_of::<SearchKey>() == 104);
const _: () = assert!(size_of::<SearchArgs>() == 4096);

fn copy_name(to: &mut [u8], name: &str) -> io::Result<()> {
    let ok =
        !name.is_empty() && name.len() <= NAME_MAX && !name.bytes().any(|b| b == b'/' || b == 0);
    if !ok || name == "." || name == ".." {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    for (to, from) in to.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    Ok(())
}

impl VolArgs {
    /// Arguments that name one path component.
    pub(super) fn named(name: &str) -> io::Result<Self> {
        let mut args = Self {
            fd: 0,
            name: [0; 4088],
        };
        copy_name(&mut args.name, name)?;
        Ok(args)
    }
}

impl VolArgsV2 {
    const fn empty() -> Self {
        Self {
            fd: 0,
            transid: 0,
            flags: 0,
            unused: [0; 4],
            name: [0; 4040],
        }
    }

    /// Arguments that name one path component.
    pub(super) fn named(name: &str) -> io::Result<Self> {
        let mut args = Self::empty();
        copy_name(&mut args.name, name)?;
        Ok(args)
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

pub(super) fn subvol_create(parent: RawFd, args: &VolArgsV2) -> io::Result<()> {
    // SAFETY: SUBVOL_CREATE_V2 reads one `btrfs_ioctl_vol_args_v2`, which `args` is (4096 bytes,
    // asserted); no flag is set that would make the kernel follow a pointer inside it.
    check(unsafe { libc::ioctl(parent, SUBVOL_CREATE_V2, std::ptr::from_ref(args)) })
}

pub(super) fn snap_create(parent: RawFd, args: &VolArgsV2) -> io::Result<()> {
    // SAFETY: SNAP_CREATE_V2 reads one `btrfs_ioctl_vol_args_v2`, which `args` is (4096 bytes,
    // asserted); QGROUP_INHERIT, the only flag that adds a pointer, is never set.
    check(unsafe { libc::ioctl(parent, SNAP_CREATE_V2, std::ptr::from_ref(args)) })
}

pub(super) fn snap_destroy(parent: RawFd, args: &VolArgs) -> io::Result<()> {
    // SAFETY: SNAP_DESTROY reads one `btrfs_ioctl_vol_args`, which `args` is (4096 bytes,
    // asserted), with a name that ends in a zero byte since it is at most 255 long.
    check(unsafe { libc::ioctl(parent, SNAP_DESTROY, std::ptr::from_ref(args)) })
}

pub(super) fn snap_destroy_by_id(mount: RawFd, id: u64) -> io::Result<()> {
    let mut args = VolArgsV2::empty();
    args.flags = SUBVOL_SPEC_BY_ID;
    // The union of the C structure starts where our `name` does.
    for (to, from) in args.name.iter_mut().zip(id.to_ne_bytes()) {
        *to = from;
    }
    // SAFETY: SNAP_DESTROY_V2 reads one `btrfs_ioctl_vol_args_v2`, which `args` is; with
    // SPEC_BY_ID it takes the first 8 bytes of the union as a number and follows no pointer.
    check(unsafe { libc::ioctl(mount, SNAP_DESTROY_V2, &raw const args) })
}

pub(super) fn subvolume_info(dir: RawFd) -> io::Result<SubvolInfo> {
    let zero = Timespec {
        sec: 0,
        nsec: 0,
        padding: 0,
    };
    let mut info = SubvolInfo {
        treeid: 0,
        name: [0; NAME_MAX + 1],
        parent_id: 0,
        dirid: 0,
        generation: 0,
        flags: 0,
        uuid: [0; 16],
        parent_uuid: [0; 16],
        received_uuid: [0; 16],
        ctransid: 0,
        otransid: 0,
        stransid: 0,
        rtransid: 0,
        ctime: zero,
        otime: zero,
        stime: zero,
        rtime: zero,
        reserved: [0; 8],
    };
    // SAFETY: GET_SUBVOL_INFO writes one `btrfs_ioctl_get_subvol_info_args` (504 bytes, asserted)
    // to the pointer; `info` is that, is exclusively ours, and every bit pattern is valid for it.
    check(unsafe { libc::ioctl(dir, GET_SUBVOL_INFO, &raw mut info) })?;
    Ok(info)
}

pub(super) fn tree_search(dir: RawFd, args: &mut SearchArgs) -> io::Result<()> {
    // SAFETY: TREE_SEARCH reads and writes one `btrfs_ioctl_search_args` (4096 bytes, asserted);
    // `args` is that, borrowed exclusively, and every bit pattern is valid for it.
    check(unsafe { libc::ioctl(dir, TREE_SEARCH, std::ptr::from_mut(args)) })
}

pub(super) fn quota_enable(dir: RawFd) -> io::Result<()> {
    let mut args = QuotaCtl {
        cmd: QUOTA_CTL_ENABLE,
        status: 0,
    };
    // SAFETY: QUOTA_CTL reads and writes one `btrfs_ioctl_quota_ctl_args`, two 64-bit numbers,
    // which `args` is.
    check(unsafe { libc::ioctl(dir, QUOTA_CTL, &raw mut args) })
}

pub(super) fn quota_rescan_wait(dir: RawFd) -> io::Result<()> {
    // SAFETY: QUOTA_RESCAN_WAIT takes no argument and touches no memory of this process.
    check(unsafe { libc::ioctl(dir, QUOTA_RESCAN_WAIT) })
}

pub(super) fn qgroup_limit(dir: RawFd, qgroupid: u64, max_rfer: u64) -> io::Result<()> {
    let args = QgroupLimit {
        qgroupid,
        flags: QGROUP_LIMIT_MAX_RFER,
        max_rfer,
        max_excl: 0,
        rsv_rfer: 0,
        rsv_excl: 0,
    };
    // SAFETY: QGROUP_LIMIT reads one `btrfs_ioctl_qgroup_limit_args`, six 64-bit numbers (its
    // request number says "read" by a historical mistake), which `args` is.
    check(unsafe { libc::ioctl(dir, QGROUP_LIMIT, &raw const args) })
}

pub(super) fn start_sync(dir: RawFd) -> io::Result<u64> {
    let mut transid = 0_u64;
    // SAFETY: START_SYNC writes one 64-bit number to the pointer, which is exclusively ours.
    check(unsafe { libc::ioctl(dir, START_SYNC, &raw mut transid) })?;
    Ok(transid)
}

pub(super) fn wait_sync(dir: RawFd, transid: u64) -> io::Result<()> {
    // SAFETY: WAIT_SYNC reads one 64-bit number from the pointer, which lives until it returns.
    check(unsafe { libc::ioctl(dir, WAIT_SYNC, &raw const transid) })
}
