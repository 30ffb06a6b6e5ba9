//! Root: what happens on a file system that is full, on a real one.

use std::fs;
use std::path::Path;

use os_store::{Attributes, Change, atomic};
use rustix::mount::{MountFlags, UnmountFlags};

/// A tmpfs of 64 KiB, unmounted at the end.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        rustix::mount::mount(
            "tmpfs",
            folder.path(),
            "tmpfs",
            MountFlags::empty(),
            c"size=64k",
        )
        .expect("mounting a tmpfs needs root");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        rustix::mount::unmount(self.path(), UnmountFlags::DETACH).expect("the tmpfs unmounts");
    }
}

const MODE: Attributes = Attributes::mode(0o600);

#[test]
fn root_a_full_disk_leaves_the_old_content_and_no_debris() {
    let disk = SmallDisk::mount();
    let path = disk.path().join("conf.toml");
    assert_eq!(
        atomic::replace(&path, b"old", MODE).unwrap(),
        Change::Created
    );
    let error = atomic::replace(&path, &vec![b'x'; 100_000], MODE).unwrap_err();
    assert!(error.is_full(), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!("cannot write {}", path.display())
    );
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 1);
    assert_eq!(
        atomic::replace(&path, b"new", MODE).unwrap(),
        Change::Updated
    );
}
