//! Reading items out of the trees of a btrfs.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::RawFd;

use super::Qgroup;
use super::abi::{SearchArgs, SearchKey, tree_search};

const ROOT_TREE: u64 = 1;
const QUOTA_TREE: u64 = 8;

const ROOT_REF: u32 = 156;
const QGROUP_STATUS: u32 = 240;
const QGROUP_INFO: u32 = 242;
const QGROUP_LIMIT: u32 = 244;

const STATUS_FLAG_ON: u64 = 1;
const STATUS_FLAG_RESCAN: u64 = 2;
const STATUS_FLAG_INCONSISTENT: u64 = 4;
const LIMIT_MAX_RFER: u64 = 1;

/// Calls `each(offset of the key, item)` for every item of one object and one type.
///
/// Only one type at a time: the kernel's range is over the whole compound key, and within one type
/// the offset alone orders it, so paging is exact.
fn items(
    dir: RawFd,
    tree: u64,
    object: u64,
    kind: u32,
    mut each: impl FnMut(u64, &[u8]),
) -> io::Result<()> {
    let mut from = 0;
    loop {
        let mut args = SearchArgs {
            key: SearchKey {
                tree_id: tree,
                min_objectid: object,
                max_objectid: object,
                min_offset: from,
                max_offset: u64::MAX,
                min_transid: 0,
                max_transid: u64::MAX,
                min_type: kind,
                max_type: kind,
                nr_items: u32::MAX,
                unused: 0,
                unused1: [0; 4],
            },
            buf: [0; 3992],
        };
        tree_search(dir, &mut args)?;
        if args.key.nr_items == 0 {
            return Ok(());
        }
        let mut rest = args.buf.as_slice();
        for _ in 0..args.key.nr_items {
            // transid, objectid, offset (64 bits each), type, length (32 bits each)
            let broken = || io::Error::from(io::ErrorKind::InvalidData);
            let (header, tail) = rest.split_at_checked(32).ok_or_else(broken)?;
            let offset = u64_at(header, 2).ok_or_else(broken)?;
            let length = header
                .get(28..32)
                .and_then(|b| b.try_into().ok())
                .ok_or_else(broken)?;
            let length = usize::try_from(u32::from_ne_bytes(length)).unwrap_or(usize::MAX);
            let (item, tail) = tail.split_at_checked(length).ok_or_else(broken)?;
            each(offset, item);
            rest = tail;
            match offset.checked_add(1) {
                Some(next) => from = next,
                None => return Ok(()),
            }
        }
    }
}

/// The `index`-th 64-bit number. Items are little-endian as on disk, headers as the CPU is; the
/// machines we run on are little-endian, so one reader serves both.
fn u64_at(bytes: &[u8], index: usize) -> Option<u64> {
    let at = index * 8;
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

pub(super) fn child_subvolumes(dir: RawFd, id: u64) -> io::Result<Vec<u64>> {
    let mut children = Vec::new();
    items(dir, ROOT_TREE, id, ROOT_REF, |child, _| {
        children.push(child);
    })?;
    Ok(children)
}

pub(super) fn qgroups(dir: RawFd) -> io::Result<Option<BTreeMap<u64, Qgroup>>> {
    let mut flags = 0;
    match items(dir, QUOTA_TREE, 0, QGROUP_STATUS, |_, item| {
        flags = u64_at(item, 2).unwrap_or(0);
    }) {
        Ok(()) => {}
        Err(e) if e.raw_os_error() == Some(libc::ENOENT) => return Ok(None),
        Err(e) => return Err(e),
    }
    let doubtful = STATUS_FLAG_RESCAN | STATUS_FLAG_INCONSISTENT;
    if flags & STATUS_FLAG_ON == 0 || flags & doubtful != 0 {
        return Ok(None);
    }
    let mut groups = BTreeMap::<u64, Qgroup>::new();
    items(dir, QUOTA_TREE, 0, QGROUP_INFO, |id, item| {
        let group = groups.entry(id).or_default();
        group.referenced = u64_at(item, 1).unwrap_or(0);
        group.exclusive = u64_at(item, 3).unwrap_or(0);
    })?;
    items(dir, QUOTA_TREE, 0, QGROUP_LIMIT, |id, item| {
        let set = u64_at(item, 0).is_some_and(|flags| flags & LIMIT_MAX_RFER != 0);
        let limit = u64_at(item, 1).filter(|max| set && *max != u64::MAX);
        groups.entry(id).or_default().max_referenced = limit;
    })?;
    Ok(Some(groups))
}
