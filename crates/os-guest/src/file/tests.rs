use std::fs;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

/// A root, beside a file that it must not reach.
struct Guest {
    dir: TempDir,
}

impl Guest {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("root/etc")).unwrap();
        fs::create_dir(dir.path().join("root/tmp")).unwrap();
        put(&dir.path().join("host"), "host's\n");
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("root").join(name)
    }

    fn edit(&self, path: &str, links: Links) -> Result<Edited, FileError> {
        let root = File::open(self.dir.path().join("root")).unwrap();
        edit(root.as_fd(), path, links, |before| {
            Some(format!("{}new\n", before.unwrap_or_default()))
        })
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Nothing beside the file, nothing outside of the root.
    fn check(&self) {
        assert_eq!(
            fs::read_to_string(self.dir.path().join("host")).unwrap(),
            "host's\n"
        );
        let outside: Vec<_> = fs::read_dir(self.dir.path()).unwrap().collect();
        assert_eq!(outside.len(), 2);
        for folder in ["", "etc", "tmp"] {
            for entry in fs::read_dir(self.path(folder)).unwrap() {
                let name = entry.unwrap().file_name();
                assert!(!name.to_string_lossy().contains("osctl-new"), "{name:?}");
            }
        }
    }
}

fn put(path: &Path, text: &str) {
    File::create(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

#[test]
fn a_file_is_made_and_changed() {
    let guest = Guest::new();
    assert_eq!(
        guest.edit("etc/hosts", Links::Leave).unwrap(),
        Edited::Written
    );
    assert_eq!(guest.read("etc/hosts"), "new\n");
    let mode = || fs::metadata(guest.path("etc/hosts")).unwrap().mode() & 0o7777;
    assert_eq!(mode(), 0o644);
    let private = fs::Permissions::from_mode(0o640);
    fs::set_permissions(guest.path("etc/hosts"), private).unwrap();
    guest.edit("etc/hosts", Links::Leave).unwrap();
    assert_eq!(guest.read("etc/hosts"), "new\nnew\n");
    assert_eq!(mode(), 0o640);
    guest.check();
}

#[test]
fn what_does_not_change_is_not_written() {
    let guest = Guest::new();
    put(&guest.path("etc/hosts"), "same\n");
    let inode = || fs::metadata(guest.path("etc/hosts")).unwrap().ino();
    let before = inode();
    let root = File::open(guest.dir.path().join("root")).unwrap();
    for text in [Some("same\n".to_owned()), None] {
        let edited = edit(root.as_fd(), "etc/hosts", Links::Leave, |_| text);
        assert_eq!(edited.unwrap(), Edited::Unchanged);
    }
    assert_eq!(inode(), before);
}

#[test]
fn a_file_that_its_owner_may_not_write_stays() {
    let guest = Guest::new();
    put(&guest.path("etc/hosts"), "mine\n");
    let closed = fs::Permissions::from_mode(0o444);
    fs::set_permissions(guest.path("etc/hosts"), closed).unwrap();
    for links in [Links::Replace, Links::Leave] {
        let edited = guest.edit("etc/hosts", links).unwrap();
        assert_eq!(edited, Edited::Left("its owner may not write it"));
    }
    assert_eq!(guest.read("etc/hosts"), "mine\n");
}

#[test]
fn symlinks_do_not_lead_out() {
    let guest = Guest::new();
    fs::remove_dir(guest.path("etc")).unwrap();
    for target in ["..", "/..", "../..", "/../.."] {
        symlink(target, guest.path("etc")).unwrap();
        // All of them mean the root itself.
        guest.edit("etc/host", Links::Leave).unwrap();
        fs::remove_file(guest.path("etc")).unwrap();
    }
    assert_eq!(guest.read("host"), "new\nnew\nnew\nnew\n");
    fs::create_dir(guest.path("etc")).unwrap();
    guest.check();
}

#[test]
fn a_last_symlink_is_not_followed() {
    let guest = Guest::new();
    for target in ["../../host", "/host", "nowhere"] {
        symlink(target, guest.path("etc/resolv.conf")).unwrap();
        let left = guest.edit("etc/resolv.conf", Links::Leave).unwrap();
        assert_eq!(left, Edited::Left("it is a symlink"));
        let written = guest.edit("etc/resolv.conf", Links::Replace).unwrap();
        assert_eq!(written, Edited::Written);
        let kind = fs::symlink_metadata(guest.path("etc/resolv.conf")).unwrap();
        assert!(kind.is_file());
        assert_eq!(guest.read("etc/resolv.conf"), "new\n");
        fs::remove_file(guest.path("etc/resolv.conf")).unwrap();
    }
    guest.check();
}

/// Somebody in the guest put a link where the new file is going to be.
#[test]
fn a_link_beside_is_not_followed() {
    let guest = Guest::new();
    symlink("../../host", guest.path("etc/.hosts.osctl-new")).unwrap();
    guest.edit("etc/hosts", Links::Leave).unwrap();
    assert_eq!(guest.read("etc/hosts"), "new\n");
    guest.check();
}

#[test]
fn what_is_no_file_is_refused() {
    let guest = Guest::new();
    fs::create_dir(guest.path("etc/hosts")).unwrap();
    let refused = |path| guest.edit(path, Links::Replace).unwrap_err();
    assert!(matches!(refused("etc/hosts"), FileError::NotRegular));
    // It has no writer: an ordinary open would block forever.
    let fifo = guest.path("etc/fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        FileType::Fifo,
        Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    assert!(matches!(refused("etc/fifo"), FileError::NotRegular));
    assert!(matches!(refused("nowhere/hosts"), FileError::Folder(_)));
    let large = File::create(guest.path("etc/large")).unwrap();
    large.set_len(LIMIT + 1).unwrap();
    assert!(matches!(refused("etc/large"), FileError::TooLarge));
    let mut binary = File::create(guest.path("etc/binary")).unwrap();
    binary.write_all(&[0xff, 0xfe]).unwrap();
    assert!(matches!(refused("etc/binary"), FileError::NotText));
    guest.check();
}
