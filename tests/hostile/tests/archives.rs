//! Images that are damaged, cut, or lie about themselves. None of these tests needs root.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use hostile::image::{self, Made, members, scratch};
use hostile::{Tarball, image_of};
use os_image::archive::Measure;
use os_image::{Archive, ArchiveError, Limits, Metadata, TarError, UnpackError, inspect};
use os_types::{Code, Explain as _};
use proptest::prelude::*;

/// Opens and checks an archive as `osctl-image verify` does.
fn check(bytes: &[u8]) -> Result<Result<Metadata, ArchiveError>> {
    let file = scratch(bytes)?;
    Ok(
        Archive::from_file(file, Path::new("image")).and_then(|archive| {
            archive.verify(&|_bytes| ())?;
            Ok(archive.metadata().clone())
        }),
    )
}

/// As [`check`], of a file: it is refused, and these words are said.
fn refused_file(path: &Path, words: &str) -> Result<()> {
    let verified = Archive::open(path).and_then(|archive| archive.verify(&|_bytes| ()));
    let error = verified.err().context("taken")?;
    ensure!(os_types::chain(&error).contains(words), "{error:?}");
    Ok(())
}

/// It is refused, and these words are said.
fn refused(what: &str, bytes: &[u8], words: &str) -> Result<()> {
    let error = check(bytes)?.err();
    let error = error.with_context(|| format!("{what} was taken"))?;
    let said = os_types::chain(&error);
    ensure!(error.code() == Code::Image, "{what}: {said}");
    ensure!(said.contains(words), "{what} says {said:?}, not {words:?}");
    ensure!(!said.contains('\x1b'), "{what}: {said:?}");
    Ok(())
}

#[test]
fn a_good_one_is_taken() -> Result<()> {
    let good = Made::good()?;
    ensure!(check(&good.bytes())?.is_ok());
    // What tar(1) fills up with is no harm.
    let mut filled = good.bytes();
    filled.resize(filled.len().next_multiple_of(10240), 0);
    ensure!(check(&filled)?.is_ok());
    Ok(())
}

#[test]
fn every_cut_is_an_error() -> Result<()> {
    let bytes = Made::good()?.bytes();
    for length in 0..bytes.len() {
        let error = check(&bytes[..length])?.err();
        let error = error.with_context(|| format!("cut to {length} bytes, it was taken"))?;
        let said = os_types::chain(&error);
        ensure!(error.code() == Code::Image, "{length}: {said}");
        if length >= 4096 {
            ensure!(
                said.contains(&length.to_string()),
                "{said} does not say where"
            );
        }
    }
    Ok(())
}

#[test]
fn what_is_not_an_image_is_refused() -> Result<()> {
    let good = Made::good()?;
    let text = good.text.as_bytes();
    refused("nothing", b"", "not an image")?;
    refused("zeros", &[0; 4096], "not an image")?;
    refused("noise", &[0xa5; 4096], "not an image")?;
    let second = members(&[
        ("other", b"x"),
        ("metadata.toml", text),
        ("rootfs.tar.zst", &good.root),
    ]);
    refused("metadata second", &second, "not an image")?;
    let late = members(&[("rootfs.tar.zst", &good.root), ("metadata.toml", text)]);
    refused("metadata last", &late, "not an image")?;
    let huge = vec![b'#'; (64 << 10) + 1];
    let large = members(&[("metadata.toml", &huge), ("rootfs.tar.zst", &good.root)]);
    refused("large metadata", &large, "not an image")?;
    let root = &good.root;
    let dotted = members(&[("./metadata.toml", text), ("./rootfs.tar.zst", root)]);
    refused("another name of metadata", &dotted, "not an image")
}

#[test]
fn members_are_where_metadata_say() -> Result<()> {
    let good = Made::good()?;
    let (text, root) = (good.text.as_bytes(), good.root.as_slice());
    let meta = ("metadata.toml", text);
    refused("no root", &members(&[meta]), "something else")?;
    let other = members(&[meta, ("x", root)]);
    refused("a root of another name", &other, "\"x of")?;
    let inserted = members(&[meta, ("x", b""), ("rootfs.tar.zst", root)]);
    refused("something between", &inserted, "\"x of 0 bytes\"")?;
    let two = members(&[meta, ("rootfs.tar.zst", root), ("rootfs.tar.zst", root)]);
    refused("two roots", &two, "goes on behind its last part")?;
    let longer = [root, b"x"].concat();
    refused(
        "a longer root",
        &members(&[meta, ("rootfs.tar.zst", &longer)]),
        "of",
    )?;
    let trailing = [good.bytes(), b"x".to_vec()].concat();
    refused("something behind", &trailing, "goes on behind")?;
    let zeros = [good.bytes(), vec![0; 1 << 20]].concat();
    refused("a megabyte behind", &zeros, "goes on behind")?;
    let link = Tarball::new()
        .file("metadata.toml", text)
        .symlink("rootfs.tar.zst", "/etc/shadow")
        .finish();
    refused(
        "a symlink as root",
        &[link, vec![0; 4096]].concat(),
        "something else",
    )
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn metadata_that_lie_are_refused() -> Result<()> {
    let good = Made::good()?;
    let changed = |from: &str, to: &str| Made {
        text: good.text.replace(from, to),
        root: good.root.clone(),
    };
    let cases = [
        ("a newer schema", "schema = 1", "schema = 2", "schema 2"),
        ("no schema", "schema = 1", "", "cannot be used"),
        (
            "an unknown key",
            "schema = 1",
            "schema = 1\nevil = true",
            "cannot be used",
        ),
        (
            "a path as a name",
            "\"rootfs.tar.zst\"",
            "\"../rootfs\"",
            "name",
        ),
        (
            "a control character",
            "\"rootfs.tar.zst\"",
            "\"root\\u001bfs\"",
            "name",
        ),
        (
            "metadata as a part",
            "\"rootfs.tar.zst\"",
            "\"metadata.toml\"",
            "name",
        ),
        (
            "an odd distribution",
            "\"hostile\"",
            "\"../../etc\"",
            "cannot be used",
        ),
        (
            "an unknown format",
            "\"tar.zst\"",
            "\"tar.lzma\"",
            "cannot be used",
        ),
        (
            "a negative size",
            "unpacked_bytes = 9",
            "unpacked_bytes = -1",
            "cannot be used",
        ),
        (
            "fewer bytes",
            "unpacked_bytes = 9",
            "unpacked_bytes = 8",
            "larger than 8 bytes",
        ),
        (
            "more bytes",
            "unpacked_bytes = 9",
            "unpacked_bytes = 10",
            "not what its metadata say",
        ),
        (
            "fewer entries",
            "entries = 2",
            "entries = 1",
            "more than 1 entries",
        ),
        (
            "more entries",
            "entries = 2",
            "entries = 3",
            "not what its metadata say",
        ),
    ];
    for (what, from, to, words) in cases {
        let made = changed(from, to);
        ensure!(
            made.text != good.text,
            "{what} changes nothing in {}",
            good.text
        );
        refused(what, &made.bytes(), words)?;
    }
    let size = format!("size = {}", good.root.len());
    for wrong in ["size = 0", "size = 1", "size = 9223372036854775807"] {
        refused(wrong, &changed(&size, wrong).bytes(), "")?;
    }
    let digest = Metadata::parse(good.text.as_bytes())?.parts[0]
        .sha256
        .to_string();
    let wrong = changed(&digest, &"0".repeat(64));
    refused("a wrong checksum", &wrong.bytes(), "wrong checksum")?;
    let part = good.text.find("[[part]]").context("no part")?;
    let twice = format!(
        "{}{}",
        good.text,
        good.text
            .get(part..)
            .unwrap_or_default()
            .replace("rootfs", "other")
    );
    refused(
        "two roots",
        &Made {
            text: twice,
            root: good.root.clone(),
        }
        .bytes(),
        "same format",
    )
}

#[test]
fn metadata_bombs_are_errors() -> Result<()> {
    let good = Made::good()?;
    let bombs = [
        format!("a = {}", "[".repeat(60_000)),
        format!("a = {}{}", "[".repeat(30_000), "]".repeat(30_000)),
        format!("a{} = 1", ".a".repeat(30_000)),
        format!("[{}a]", "a.".repeat(30_000)),
        format!("a = {}", "{a=".repeat(20_000)),
        "[[part]]\n".repeat(7_000),
        format!("a = \"\"\"{}", "x".repeat(60_000)),
        format!("schema = 1{}", "0".repeat(60_000)),
    ];
    for bomb in bombs {
        let what = bomb.chars().take(20).collect::<String>();
        let made = Made {
            text: bomb,
            root: good.root.clone(),
        };
        refused(&what, &made.bytes(), "cannot be used")?;
    }
    Ok(())
}

/// A root that is the same empty file over and over.
struct Many {
    header: Vec<u8>,
    count: u64,
    at: usize,
}

impl std::io::Read for Many {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.header.get(self.at..).unwrap_or_default();
        let take = buffer
            .len()
            .min(left.len())
            .min(if self.count == 0 { 0 } else { 512 });
        buffer[..take].copy_from_slice(&left[..take]);
        self.at += take;
        if self.at == self.header.len() {
            self.at = 0;
            self.count -= 1;
        }
        Ok(take)
    }
}

#[test]
fn a_million_files_are_too_many() -> Result<()> {
    let mut header = Tarball::new().file("f", "").finish();
    header.truncate(512);
    let many = Many {
        header,
        count: 1_000_001,
        at: 0,
    };
    let error = inspect(many, &Limits::default()).err().context("taken")?;
    ensure!(
        matches!(error, UnpackError::TooManyEntries(1_000_000)),
        "{error}"
    );
    Ok(())
}

#[test]
fn bombs_are_errors() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("image");
    // 64 MiB in some kilobytes, of which the metadata tell nothing.
    let zeros = Tarball::new()
        .folder("etc")
        .file("etc/x", vec![0; 64 << 20])
        .finish();
    image::image_with(
        &path,
        image::ARCH,
        &zeros,
        Measure {
            bytes: 9,
            entries: 2,
        },
    )?;
    refused_file(&path, "larger than 9 bytes")?;
    // An exabyte of hole in a few bytes; the metadata say so.
    let (size, whole) = (1_u64 << 60, (1_u64 << 60).to_string());
    let sparse = Tarball::new()
        .folder("etc")
        .extended(&[
            ("GNU.sparse.size", whole.as_bytes()),
            ("GNU.sparse.map", b"0,0"),
        ])
        .file("etc/x", "")
        .finish();
    image::image_with(
        &path,
        image::ARCH,
        &sparse,
        Measure {
            bytes: size,
            entries: 2,
        },
    )?;
    refused_file(&path, "larger than 274877906944 bytes")?;
    // Headers of an entry have a maximum size, whatever size is declared.
    let note = vec![b'x'; 2 << 20];
    let described = Tarball::new()
        .extended(&[("SCHILY.xattr.user.x", &note)])
        .file("etc/x", "");
    image_of(&path, described)?;
    refused_file(&path, "longer than 1 MiB")?;
    Ok(())
}

#[test]
fn a_window_of_gigabytes_is_refused() -> Result<()> {
    let mut zstd = zstd::Encoder::new(Vec::new(), 1)?;
    zstd.window_log(30)?;
    std::io::copy(&mut std::io::repeat(0).take(1 << 20), &mut zstd)?;
    let made = Made {
        root: zstd.finish()?,
        ..Made::good()?
    };
    refused("a window of 1 GiB", &made.resealed()?.bytes(), "")
}

use std::io::Read as _;

#[test]
fn what_follows_a_root_is_refused() -> Result<()> {
    let good = Made::good()?;
    let root = zstd::decode_all(good.root.as_slice())?;
    let more = Made {
        root: zstd::encode_all([root.as_slice(), &vec![1; 2 << 20]].concat().as_slice(), 1)?,
        ..good.clone()
    };
    refused("data behind the end mark", &more.resealed()?.bytes(), "")?;
    let uncompressed = Made {
        root,
        ..good.clone()
    };
    refused(
        "a root that is not compressed",
        &uncompressed.resealed()?.bytes(),
        "",
    )?;
    let cut = zstd::decode_all(good.root.as_slice())?;
    let cut = zstd::encode_all(&cut[..cut.len() - 1024], 1)?;
    refused(
        "a root without its end mark",
        &Made { root: cut, ..good }.resealed()?.bytes(),
        "end mark",
    )
}

#[test]
fn paths_that_lead_out_are_refused() -> Result<()> {
    let long = "x".repeat(300);
    let deep = "d/".repeat(300);
    let escape = "a\x1b[2J/../../b".to_owned();
    for name in ["../x", "a/../../x", "..", "a/..", &escape, &long, &deep] {
        let tar = Tarball::new()
            .folder("etc")
            .extended(&[("path", name.as_bytes())])
            .file("x", "");
        let error = inspect(tar.finish().as_slice(), &Limits::default()).err();
        let error = error.with_context(|| format!("{name:?} was taken"))?;
        ensure!(
            error.code() == Code::Image && !error.to_string().contains('\x1b'),
            "{error}"
        );
    }
    let kinds = Tarball::new().add(tar::EntryType::new(b'M'), b"x", b"", b"");
    let error = inspect(kinds.finish().as_slice(), &Limits::default()).err();
    ensure!(matches!(error, Some(UnpackError::Kind { .. })), "{error:?}");
    let root = Tarball::new().symlink("./", "/etc").finish();
    let error = inspect(root.as_slice(), &Limits::default()).err();
    ensure!(matches!(error, Some(UnpackError::Path { .. })), "{error:?}");
    let empty = inspect([].as_slice(), &Limits::default()).err();
    ensure!(
        matches!(empty, Some(UnpackError::Archive(TarError::Cut { .. }))),
        "{empty:?}"
    );
    Ok(())
}

#[test]
fn a_file_that_is_none_is_refused_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for path in [folder.path(), Path::new("/dev/zero"), Path::new("/dev/tty")] {
        ensure!(Archive::open(path).is_err(), "{} was taken", path.display());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// A flipped bit is found, or it was where nothing is read.
    #[test]
    fn flipped_bits_are_found(at in 0_usize..3584, bit in 0_u8..8) {
        let good = Made::good().unwrap();
        let mut bytes = good.bytes();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let file = scratch(&bytes).unwrap();
        let archive = Archive::from_file(file, Path::new("image"));
        if let Ok(archive) = archive.and_then(|it| it.verify(&|_| ()).map(|()| it)) {
            // Other metadata are another image; what is between the members is nothing.
            let is_text = (512..512 + good.text.len()).contains(&at);
            let is_same = archive.info().digest == Metadata::digest(good.text.as_bytes());
            prop_assert!(is_text != is_same, "byte {at}");
        }
    }

    /// A root that was damaged before it was sealed: an error or not, but no panic.
    #[test]
    fn damaged_roots_are_no_panic(flips in proptest::collection::vec((0_usize..5120, any::<u8>()), 1..8)) {
        let records: [(&str, &[u8]); 3] = [
            ("SCHILY.xattr.user.x", b"1\n2"),
            ("path", b"etc/a/longer/name"),
            ("SCHILY.acl.access", b"user::rw-,user:5:r--,mask::r--,group::r--,other::---"),
        ];
        let tar = Tarball::new().folder("etc").extended(&records).file("x", "data").link("y", "etc");
        let mut root = tar.finish();
        for (at, byte) in flips {
            let at = at % root.len();
            root[at] = byte;
        }
        drop(inspect(root.as_slice(), &Limits::default()));
    }
}
