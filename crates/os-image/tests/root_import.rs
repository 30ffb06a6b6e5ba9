//! Roots as distributions publish them, packed by the tools that they use; and what is refused.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and writes plain files"
)]

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use os_image::archive::write;
use os_image::import::{self, ImportError, Imported};
use os_image::{Archive, ArchiveError, Identity, Limits, UnpackError};
use os_types::{Code, Explain as _};

fn identity() -> Identity {
    Identity {
        distribution: "test".parse().unwrap(),
        version: "1".parse().unwrap(),
        arch: "x86_64".parse().unwrap(),
        vendor: "test".parse().unwrap(),
        variant: "test".parse().unwrap(),
        config: os_types::image::ImageConfig::default(),
    }
}

/// A capability and an ACL with line feeds in them.
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const ACL: &[u8] = b"\x02\0\0\0\
    \x01\0\x06\0\xff\xff\xff\xff\x02\0\x04\0\x0a\0\0\0\x04\0\x04\0\xff\xff\xff\xff\
    \x10\0\x04\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff";

fn long() -> String {
    format!("usr/{}/{}", "n".repeat(120), "m".repeat(200))
}

/// A root with all that a tar may have.
fn fill(root: &Path) {
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
    for folder in ["etc", "usr/bin", "dev"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::create_dir_all(root.join(long()).parent().unwrap()).unwrap();
    fs::write(root.join(long()), "long").unwrap();
    fs::write(root.join("usr/bin/su"), "su").unwrap();
    chown(root.join("usr/bin/su"), Some(0), Some(42)).unwrap();
    fs::set_permissions(root.join("usr/bin/su"), fs::Permissions::from_mode(0o4750)).unwrap();
    fs::hard_link(root.join("usr/bin/su"), root.join("usr/bin/sudo")).unwrap();
    for (name, to) in [
        ("self", "."),
        ("up", ".."),
        ("odd", "a//b/./c/"),
        ("bin", "usr/bin"),
    ] {
        symlink(to, root.join(name)).unwrap();
    }
    symlink("x".repeat(150), root.join("far")).unwrap();
    fs::write(root.join("etc/caps"), "caps").unwrap();
    os_sys::set_xattr(&root.join("etc/caps"), "security.capability", &CAPABILITY).unwrap();
    fs::write(root.join("etc/acl"), "acl").unwrap();
    os_sys::set_xattr(&root.join("etc/acl"), "system.posix_acl_access", ACL).unwrap();
    let odd = std::ffi::OsString::from_vec(b"etc/new\nline\xff".to_vec());
    fs::write(root.join(odd), "odd").unwrap();
    let sparse = File::create(root.join("etc/sparse")).unwrap();
    sparse.set_len(3 << 20).unwrap();
    std::os::unix::fs::FileExt::write_at(&sparse, b"data", 1 << 20).unwrap();
    let made = Command::new("mknod")
        .arg(root.join("dev/null"))
        .args(["c", "1", "3"])
        .status();
    assert!(made.unwrap().success());
}

/// Packs `root` as `how` says and returns the tarball.
fn packed(root: &Path, at: &Path, name: &str, how: &[&str]) -> PathBuf {
    let tar = at.join(name);
    let mut command = Command::new("tar");
    command
        .arg("-C")
        .arg(root)
        .args(how)
        .arg("-cf")
        .arg(&tar)
        .arg(".");
    assert!(command.status().unwrap().success(), "{how:?}");
    tar
}

/// Makes an image and unpacks it.
fn through(
    at: &Path,
    take: impl FnOnce(&mut dyn std::io::Write) -> Result<Imported, ImportError>,
) -> (PathBuf, Imported) {
    let (image, target) = (at.join("image"), at.join("target"));
    let mut imported = Imported::default();
    write(&image, &identity(), |out| {
        imported = take(out)?;
        Ok::<_, ImportError>(imported.measure)
    })
    .unwrap();
    let archive = Archive::open(&image).unwrap();
    archive.verify(&|_bytes| ()).unwrap();
    if target.exists() {
        fs::remove_dir_all(&target).unwrap();
    }
    fs::create_dir(&target).unwrap();
    let folder = File::open(&target).unwrap();
    let archive = Archive::open(&image).unwrap();
    let unpacked = archive.root(|tar| {
        let report = os_image::unpack(tar, folder.as_fd(), &Limits::default());
        report.map_err(|source: UnpackError| ArchiveError::Root {
            path: image.clone(),
            source: Box::new(source),
        })
    });
    unpacked.unwrap();
    let left = fs::read_dir(at)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name());
    let left: Vec<_> = left
        .filter(|name| name.to_string_lossy().starts_with('.'))
        .collect();
    assert!(left.is_empty(), "temporary files are left: {left:?}");
    (target, imported)
}

fn compare(root: &Path, target: &Path, has_xattrs: bool) {
    for name in [
        "etc",
        "usr/bin/su",
        "etc/caps",
        "etc/acl",
        "etc/sparse",
        &long(),
    ] {
        let about = |at: &Path| {
            let it = fs::symlink_metadata(at.join(name)).unwrap();
            (it.mode(), it.uid(), it.gid(), it.mtime(), it.nlink())
        };
        assert_eq!(about(root), about(target), "{name}");
    }
    for name in ["self", "up", "odd", "bin", "far"] {
        assert_eq!(
            fs::read_link(root.join(name)).unwrap().into_os_string(),
            fs::read_link(target.join(name)).unwrap().into_os_string()
        );
    }
    for name in ["etc/sparse", "usr/bin/sudo", &long()] {
        assert!(fs::read(root.join(name)).unwrap() == fs::read(target.join(name)).unwrap());
    }
    let blocks = fs::metadata(target.join("etc/sparse")).unwrap().blocks();
    assert!(blocks < 1024, "{blocks} blocks: it is not sparse any more");
    let odd = std::ffi::OsString::from_vec(b"etc/new\nline\xff".to_vec());
    assert_eq!(fs::read(target.join(odd)).unwrap(), b"odd");
    assert!(!target.join("dev/null").exists());
    if has_xattrs {
        let value = |file: &str, name| os_sys::read_xattr(&target.join(file), name).unwrap();
        assert_eq!(
            value("etc/caps", "security.capability").unwrap(),
            CAPABILITY
        );
        assert_eq!(value("etc/acl", "system.posix_acl_access").unwrap(), ACL);
    }
}

/// Name of a tarball, how it is packed, and how else.
type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

#[test]
fn whatever_tar_writes_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    fill(&root);
    let full: &[&str] = &[
        "--xattrs",
        "--xattrs-include=*",
        "--acls",
        "--numeric-owner",
        "--sparse",
    ];
    let cases: &[Case<'_>] = &[
        ("gnu.tar", &["--format=gnu", "--sparse"], &[]),
        ("posix.tar", &["--format=posix"], full),
        (
            "oldest.tar",
            &["--format=posix", "--sparse-version=0.0"],
            full,
        ),
        (
            "older.tar",
            &["--format=posix", "--sparse-version=0.1"],
            full,
        ),
        ("posix.tar.gz", &["--format=posix", "--gzip"], full),
        ("posix.tar.xz", &["--format=posix", "--xz"], full),
        ("posix.tar.zst", &["--format=posix", "--zstd"], full),
    ];
    for (name, how, more) in cases {
        let how = [*how, *more].concat();
        let tar = packed(&root, dir.path(), name, &how);
        let (target, imported) = through(dir.path(), |out| import::tarball(&tar, 0, out));
        assert_eq!(imported.left_out.nodes, 1, "{name}");
        compare(&root, &target, !more.is_empty());
    }
    let (target, imported) = through(dir.path(), |out| import::folder(&root, out));
    assert_eq!(imported.left_out.nodes, 1);
    compare(&root, &target, true);
}

/// Refused, and there is no image and nothing of one.
fn refused(tar: &Path, words: &str) {
    let out = tempfile::tempdir().unwrap();
    let image = out.path().join("image");
    let made = write(&image, &identity(), |to| {
        import::tarball(tar, 0, to).map(|imported| imported.measure)
    });
    let error = made.unwrap_err();
    let said = os_types::chain(&error);
    assert_eq!(error.code(), Code::Image, "{said}");
    assert!(said.contains(words), "{said}");
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
}

#[test]
fn what_is_damaged_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/x"), vec![7; 100_000]).unwrap();
    for (name, how) in [
        ("t.tar", "--format=gnu"),
        ("t.gz", "--gzip"),
        ("t.xz", "--xz"),
        ("t.zst", "--zstd"),
    ] {
        let tar = packed(&root, dir.path(), name, &[how]);
        let whole = fs::read(&tar).unwrap();
        fs::write(&tar, &whole[..whole.len() * 2 / 3]).unwrap();
        refused(&tar, "byte ");
        if name != "t.tar" {
            // In the checksum at the end.
            let mut flipped = whole.clone();
            let at = flipped.len() - 3;
            flipped[at] ^= 0x10;
            fs::write(&tar, &flipped).unwrap();
            refused(&tar, "");
        }
    }
    let other = dir.path().join("other.tar");
    fs::write(&other, b"BZh91AY&SY").unwrap();
    refused(&other, "bunzip2");
    fs::write(&other, [0; 10240]).unwrap();
    refused(&other, "no root in it");
}
