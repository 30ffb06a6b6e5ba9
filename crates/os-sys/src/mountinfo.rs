//! The table of mounts of this process's mount namespace.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::SysError;

const MOUNTINFO: &str = "/proc/self/mountinfo";

/// One mount. *Source*: proc(5), `/proc/pid/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountEntry {
    /// Id of the mount, unique while it exists.
    pub id: u64,
    /// Id of the mount it is on.
    pub parent: u64,
    /// Device number as `major:minor`.
    pub device: String,
    /// The directory of the file system that forms the root of this mount.
    pub root: PathBuf,
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// Options of the mount (`rw,nosuid,...`).
    pub options: Vec<String>,
    /// Propagation, for example `shared:2` or `master:1`; empty for a private mount.
    pub propagation: Vec<String>,
    /// Type of the file system, for example `btrfs`.
    pub fstype: String,
    /// What was mounted, for example `/dev/loop3`; the file system may put anything here.
    pub source: PathBuf,
    /// Options of the file system (`rw,space_cache=v2,...`).
    pub super_options: Vec<String>,
}

impl MountEntry {
    /// Whether the mount itself has an option such as `nosuid`.
    pub fn has_option(&self, name: &str) -> bool {
        self.options.iter().any(|o| o == name)
    }

    /// Whether what is mounted or unmounted on `other` happens here too.
    pub fn follows(&self, other: &Self) -> bool {
        let groups = other
            .propagation
            .iter()
            .filter_map(|p| p.strip_prefix("shared:"));
        let mine = |group: &str| {
            let own = self.propagation.iter().filter_map(|p| p.split_once(':'));
            own.into_iter()
                .any(|(kind, g)| matches!(kind, "shared" | "master") && g == group)
        };
        groups.into_iter().any(mine)
    }

    /// Reads one line; `None` if it lacks a mandatory field.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|b| *b == b' ');
        let number = |f: Option<&[u8]>| std::str::from_utf8(f?).ok()?.parse().ok();
        let id = number(fields.next())?;
        let parent = number(fields.next())?;
        let device = text(fields.next()?);
        let root = path(fields.next()?);
        let mount_point = path(fields.next()?);
        let options = list(fields.next()?);
        // Zero or more optional fields end with a single dash.
        let propagation = fields
            .by_ref()
            .take_while(|f| *f != b"-")
            .map(text)
            .collect();
        Some(Self {
            id,
            parent,
            device,
            root,
            mount_point,
            options,
            propagation,
            fstype: text(fields.next()?),
            source: path(fields.next()?),
            super_options: list(fields.next()?),
        })
    }
}

/// All mounts, in the kernel's order: a later one at the same place hides the earlier.
#[derive(Debug, Clone, Default)]
pub struct MountTable(Vec<MountEntry>);

impl MountTable {
    /// Reads the table of the calling process.
    pub fn read() -> Result<Self, SysError> {
        let path = Path::new(MOUNTINFO);
        let bytes = std::fs::read(path).map_err(|e| SysError::path("read", path, e))?;
        Ok(Self::parse(&bytes))
    }

    /// Parses the text of a mountinfo file; a line it does not understand is left out.
    pub fn parse(bytes: &[u8]) -> Self {
        let lines = bytes.split(|b| *b == b'\n');
        Self(lines.filter_map(MountEntry::parse).collect())
    }

    /// What is visible at exactly this path; `None` if it is not a mount point.
    pub fn at(&self, path: &Path) -> Option<&MountEntry> {
        self.0.iter().rev().find(|e| e.mount_point == path)
    }

    /// The mount that another one is on.
    pub fn parent_of(&self, entry: &MountEntry) -> Option<&MountEntry> {
        self.0.iter().find(|e| e.id == entry.parent)
    }

    /// All mounts whose source is this path.
    pub fn of_source<'a>(&'a self, source: &'a Path) -> impl Iterator<Item = &'a MountEntry> {
        self.0.iter().filter(move |e| e.source == source)
    }

    /// All mounts strictly below a path, outermost first.
    pub fn below<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a MountEntry> {
        self.0
            .iter()
            .filter(move |e| e.mount_point != path && e.mount_point.starts_with(path))
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = &MountEntry> {
        self.0.iter()
    }
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(&unescape(field)).into_owned()
}

fn list(field: &[u8]) -> Vec<String> {
    field.split(|b| *b == b',').map(text).collect()
}

fn path(field: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(unescape(field)))
}

/// Undoes the octal escapes of space, tab, newline and backslash (kernel: `mangle_path`).
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        if let (b'\\', Some((digits, after))) = (*first, tail.split_at_checked(3))
            && let Some(byte) = octal(digits)
        {
            out.push(byte);
            rest = after;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

fn octal(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    if text.as_bytes().iter().all(u8::is_ascii_digit) {
        u8::from_str_radix(text, 8).ok()
    } else {
        None
    }
}

/// Whether a path shown by the kernel carries its mark for a removed file.
pub(crate) fn strip_deleted(path: &Path) -> Option<PathBuf> {
    let bytes = path.as_os_str().as_bytes();
    bytes
        .strip_suffix(b" (deleted)")
        .map(|b| PathBuf::from(OsString::from_vec(b.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &[u8] = b"36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n\
        37 36 0:40 / /mnt\\0402/a\\134b rw,nosuid - btrfs /dev/loop3 rw,subvol=/\n\
        short line\n\
        38 36 0:41 / /mnt\\0402 ro - tmpfs tmpfs ro\n";

    #[test]
    fn parses_escapes_and_optional_fields() {
        let table = MountTable::parse(SAMPLE);
        assert_eq!(table.iter().count(), 3);
        let entry = table.at(Path::new("/mnt 2/a\\b")).unwrap();
        assert_eq!(entry.fstype, "btrfs");
        assert_eq!(entry.source, Path::new("/dev/loop3"));
        assert!(entry.has_option("nosuid") && !entry.has_option("nodev"));
        assert_eq!(entry.super_options, ["rw", "subvol=/"]);
        let parent = table.parent_of(entry).unwrap();
        assert_eq!(parent.propagation, ["master:1", "shared:2"]);
        assert!(parent.follows(parent) && !entry.follows(parent) && !parent.follows(entry));
    }

    #[test]
    fn later_mount_hides_earlier() {
        let table = MountTable::parse(SAMPLE);
        assert_eq!(table.at(Path::new("/mnt 2")).unwrap().fstype, "tmpfs");
        assert_eq!(table.below(Path::new("/mnt 2")).count(), 1);
        assert!(table.at(Path::new("/mnt")).is_none());
    }

    #[test]
    fn lone_backslash_survives() {
        assert_eq!(unescape(b"a\\9b\\04"), b"a\\9b\\04");
    }

    #[test]
    fn own_table_has_proc() {
        assert_eq!(
            MountTable::read()
                .unwrap()
                .at(Path::new("/proc"))
                .unwrap()
                .fstype,
            "proc"
        );
    }
}
