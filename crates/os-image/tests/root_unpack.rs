//! Unpacking roots, hostile ones among them, into a directory. Root is needed to give files away; the
//! user namespace it is meant to run in is tested with `os-helper unpack`.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, symlink};
use std::path::Path;

use os_image::{Limits, Report, UnpackError};
use os_types::{Code, Explain as _};
use tar::{Builder, EntryType, Header};

/// A tar made of entries as an attacker would write them: nothing is checked.
struct Tar(Builder<Vec<u8>>);

impl Tar {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    fn add(mut self, kind: EntryType, name: &[u8], link: &[u8], data: &[u8]) -> Self {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o4755);
        header.set_uid(7);
        header.set_gid(8);
        header.set_mtime(1_000_000);
        header.set_size(data.len() as u64);
        let raw = header.as_old_mut();
        raw.name[..name.len()].copy_from_slice(name);
        raw.linkname[..link.len()].copy_from_slice(link);
        header.set_cksum();
        self.0.append(&header, data).unwrap();
        self
    }

    fn file(self, name: &str, data: &str) -> Self {
        self.add(EntryType::Regular, name.as_bytes(), b"", data.as_bytes())
    }

    fn link(self, kind: EntryType, name: &str, to: &str) -> Self {
        self.add(kind, name.as_bytes(), to.as_bytes(), b"")
    }

    fn xattrs(mut self, pairs: &[(&str, &[u8])]) -> Self {
        let named = pairs
            .iter()
            .map(|(name, value)| (format!("SCHILY.xattr.{name}"), *value));
        let named: Vec<_> = named.collect();
        let named = named.iter().map(|(key, value)| (key.as_str(), *value));
        self.0.append_pax_extensions(named).unwrap();
        self
    }

    fn unpack(self, into: &Path) -> Result<Report, UnpackError> {
        self.unpack_within(into, &Limits::default())
    }

    fn unpack_within(self, into: &Path, limits: &Limits) -> Result<Report, UnpackError> {
        let bytes = self.0.into_inner().unwrap();
        let folder = fs::File::open(into).unwrap();
        os_image::unpack(bytes.as_slice(), folder.as_fd(), limits)
    }
}

#[test]
fn root_owners_modes_times_and_attributes_survive() {
    let dir = tempfile::tempdir().unwrap();
    // CAP_NET_RAW, permitted and effective: struct vfs_cap_data, revision 2.
    let mut capability = vec![1, 0, 0, 2, 0, 32, 0, 0];
    capability.resize(20, 0);
    let report = Tar::new()
        .add(EntryType::Directory, b"./bin/", b"", b"")
        .xattrs(&[
            ("security.capability", &capability),
            ("user.note", b"kept"),
            ("trusted.overlay.opaque", b"y"),
        ])
        .file("bin/ping", "program")
        .link(EntryType::Link, "bin/ping6", "bin/ping")
        .link(EntryType::Symlink, "sbin", "/usr/../bin")
        .link(EntryType::Fifo, "run/pipe", "")
        .unpack(dir.path())
        .unwrap();
    assert_eq!((report.entries, report.bytes), (5, 7));
    assert_eq!(report.skipped_xattrs, 1);
    let ping = dir.path().join("bin/ping");
    let metadata = fs::metadata(&ping).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (7, 8));
    assert_eq!(metadata.mode() & 0o7777, 0o4755);
    assert_eq!((metadata.mtime(), metadata.nlink()), (1_000_000, 2));
    assert_eq!(
        fs::metadata(dir.path().join("bin")).unwrap().mtime(),
        1_000_000
    );
    let capability_now = os_sys::read_xattr(&ping, "security.capability").unwrap();
    assert_eq!(capability_now, Some(capability));
    assert_eq!(
        os_sys::read_xattr(&ping, "user.note").unwrap(),
        Some(b"kept".to_vec())
    );
    let pipe = fs::symlink_metadata(dir.path().join("run/pipe")).unwrap();
    assert!(pipe.file_type().is_fifo());
    assert_eq!(
        fs::read_link(dir.path().join("sbin")).unwrap(),
        Path::new("/usr/../bin")
    );
}

#[test]
fn root_nothing_is_written_outside() {
    let outside = tempfile::tempdir().unwrap();
    let out = outside.path().display().to_string();
    let victim = outside.path().join("victim");
    let attacks: Vec<(&str, Tar)> = vec![
        ("..", Tar::new().file("../victim", "x")),
        (".. within", Tar::new().file("a/../../victim", "x")),
        (
            "through a symlink",
            Tar::new()
                .link(EntryType::Symlink, "a", &out)
                .file("a/victim", "x"),
        ),
        (
            "through two symlinks",
            Tar::new()
                .link(EntryType::Symlink, "a", &out)
                .link(EntryType::Symlink, "b", "a")
                .file("b/victim", "x"),
        ),
        (
            "hard link out",
            Tar::new().link(EntryType::Link, "a", "../../../../../../etc/passwd"),
        ),
        (
            "hard link through a symlink",
            Tar::new()
                .link(EntryType::Symlink, "a", "/etc")
                .link(EntryType::Link, "b", "a/passwd"),
        ),
        ("directory over a symlink, then through", {
            Tar::new()
                .link(EntryType::Symlink, "a", &out)
                .link(EntryType::Link, "b", "a")
                .file("b/victim", "x")
        }),
    ];
    for (what, tar) in attacks {
        let dir = tempfile::tempdir().unwrap();
        let error = tar.unpack(dir.path()).expect_err(what);
        assert_eq!(error.code(), Code::Image, "{what}: {error}");
        assert!(!victim.exists(), "{what}");
    }
}

#[test]
fn root_absolute_names_are_names_within() {
    let dir = tempfile::tempdir().unwrap();
    Tar::new()
        .file("/etc/x", "inside")
        .unpack(dir.path())
        .unwrap();
    assert_eq!(fs::read(dir.path().join("etc/x")).unwrap(), b"inside");
}

#[test]
fn root_a_later_entry_replaces_what_is_there_not_what_it_leads_to() {
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    fs::write(&victim, "untouched").unwrap();
    let dir = tempfile::tempdir().unwrap();
    Tar::new()
        .link(EntryType::Symlink, "a", &victim.display().to_string())
        .file("a", "new")
        .link(
            EntryType::Symlink,
            "b",
            &outside.path().display().to_string(),
        )
        .add(EntryType::Directory, b"b", b"", b"")
        .file("b/victim", "new")
        .unpack(dir.path())
        .unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"untouched");
    assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"new");
    assert_eq!(fs::read(dir.path().join("b/victim")).unwrap(), b"new");
}

#[test]
fn root_what_is_in_the_target_already_is_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    symlink(outside.path(), dir.path().join("etc")).unwrap();
    let error = Tar::new()
        .file("etc/x", "x")
        .unpack(dir.path())
        .unwrap_err();
    assert!(matches!(error, UnpackError::Path { .. }), "{error}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn root_devices_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let report = Tar::new()
        .link(EntryType::Char, "dev/null", "")
        .link(EntryType::Block, "dev/sda", "")
        .file("etc/x", "")
        .unpack(dir.path())
        .unwrap();
    assert_eq!(report.skipped_nodes, 2);
    assert!(!dir.path().join("dev/null").exists());
}

#[test]
fn root_limits_are_counted_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits {
        entries: 2,
        bytes: 4,
        ..Limits::default()
    };
    let many = Tar::new().file("a", "").file("b", "").file("c", "");
    let error = many.unpack_within(dir.path(), &limits).unwrap_err();
    assert!(matches!(error, UnpackError::TooManyEntries(2)), "{error}");
    let large = Tar::new().file("a", "123").file("b", "45");
    let error = large.unpack_within(dir.path(), &limits).unwrap_err();
    assert!(matches!(error, UnpackError::TooLarge(4)), "{error}");
    let deep = "d/".repeat(40) + "x";
    let limits = Limits {
        depth: 10,
        ..Limits::default()
    };
    let error = Tar::new()
        .file(&deep, "")
        .unpack_within(dir.path(), &limits);
    assert!(matches!(error, Err(UnpackError::Path { .. })));
}

#[test]
fn root_damaged_tars_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let folder = fs::File::open(dir.path()).unwrap();
    let mut bytes = Tar::new().file("a", "0123456789").0.into_inner().unwrap();
    bytes.truncate(515);
    for bytes in [bytes.as_slice(), &[0xff; 2000]] {
        let error = os_image::unpack(bytes, folder.as_fd(), &Limits::default()).unwrap_err();
        assert!(matches!(error, UnpackError::Archive(_)), "{error}");
    }
}

#[test]
fn root_names_are_escaped_in_errors() {
    let dir = tempfile::tempdir().unwrap();
    let error = Tar::new()
        .file("\x1b[2J/../x", "")
        .unpack(dir.path())
        .unwrap_err();
    assert!(!error.to_string().contains('\x1b'));
}
