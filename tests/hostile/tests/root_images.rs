//! Hostile images through the real daemon: refused with nothing left behind, or harmless.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hostile::image::{self, Made};
use hostile::{Guests, Tarball};
use os_image::archive::Measure;
use os_testkit::Ran;
use tar::EntryType;

/// It was refused as an image, and these words are said.
fn refused(what: &str, ran: &Ran, words: &str) -> Result<()> {
    ensure!(ran.code == 5, "{what}: {} {}", ran.code, ran.stderr);
    ensure!(ran.stderr.contains("E-IMAGE"), "{what}: {}", ran.stderr);
    ensure!(
        ran.stderr.contains(words),
        "{what} does not say {words:?}: {}",
        ran.stderr
    );
    ensure!(!ran.stderr.contains('\x1b'), "{what}: {:?}", ran.stderr);
    Ok(())
}

/// Nothing of an image or a container is on the pool.
fn is_clean(guests: &Guests) -> Result<()> {
    for folder in ["tank/image", "tank/ct", "tank/conf/ct"] {
        let left = match fs::read_dir(guests.sandbox.path(folder)) {
            Ok(left) => left.flatten().map(|entry| entry.path()).collect(),
            Err(_) => Vec::new(),
        };
        ensure!(left.is_empty(), "left behind: {left:?}");
    }
    let users = guests.sandbox.ok(&["user", "ls", "-H", "-o", "name"])?;
    ensure!(users.trim().is_empty(), "users are left: {users}");
    guests.are_contained()
}

#[test]
fn roots_that_lead_out_are_refused() -> Result<()> {
    let guests = Guests::new()?;
    let out = guests.outside.path().display().to_string();
    for (name, root, words) in roots_that_lead_out(&out) {
        refused(name, &guests.make(name, root)?, words)?;
        is_clean(&guests).with_context(|| name.to_owned())?;
    }
    guests.finish()
}

/// Each with its expected message.
#[expect(clippy::too_many_lines, reason = "a table")]
fn roots_that_lead_out(out: &str) -> Vec<(&'static str, Tarball, &'static str)> {
    let etc = || Tarball::new().folder("etc");
    vec![
        ("dots", etc().file("../victim", "x"), ".. in its path"),
        (
            "dots-within",
            etc().file("etc/../../victim", "x"),
            ".. in its path",
        ),
        (
            "through",
            etc().symlink("a", out).file("a/victim", "x"),
            "not a directory of the root",
        ),
        (
            "through-two",
            etc()
                .symlink("a", out)
                .symlink("b", "a")
                .file("b/victim", "x"),
            "not a directory of the root",
        ),
        (
            "relative",
            etc()
                .symlink("a", "../../../../../../../..")
                .file("a/tmp/x", "x"),
            "not a directory of the root",
        ),
        (
            "through-file",
            etc().file("a", "x").file("a/b", "x"),
            "not a directory of the root",
        ),
        (
            "link-out",
            etc().link("a", "../../../../../../../etc/passwd"),
            "not a file of it",
        ),
        (
            "link-absolute",
            etc().link("a", "/etc/shadow"),
            "not a file of it",
        ),
        (
            "link-through",
            etc().symlink("a", out).link("b", "a/victim"),
            "not a file of it",
        ),
        (
            "link-then-through",
            etc().symlink("a", out).link("b", "a").file("b/victim", "x"),
            "not a directory of the root",
        ),
        (
            "link-to-directory",
            etc().link("a", "etc"),
            "not a file of it",
        ),
        (
            "link-forward",
            etc().link("a", "b").file("b", "x"),
            "not a file of it",
        ),
        (
            "link-to-node",
            etc().add(EntryType::Char, b"n", b"", b"").link("a", "n"),
            "not a file of it",
        ),
        (
            "directory-gone",
            etc().file("a/x", "x").symlink("a", out),
            "replaces a directory",
        ),
        ("root-replaced", etc().symlink(".", out), "not a directory"),
        (
            "foreign-owner",
            etc().owner(70_000).file("a", "x"),
            "belongs to 70000:70000",
        ),
        (
            "kind",
            etc().add(EntryType::new(b'V'), b"volume", b"", b""),
            "unknown kind",
        ),
        (
            "escapes",
            etc()
                .extended(&[("path", b"\x1b]0;owned\x07\x1b[2J/../x")])
                .file("x", ""),
            "\\u{1b}",
        ),
    ]
}

#[test]
fn damaged_images_leave_nothing() -> Result<()> {
    let guests = Guests::new()?;
    let file = guests.sandbox.path("image");
    let text = file.display().to_string();
    let new = |name: &str, bytes: &[u8]| -> Result<Ran> {
        fs::remove_file(&file).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        std::io::Write::write_all(&mut fs::File::create(&file)?, bytes)?;
        guests
            .sandbox
            .osctl(&["ct", "new", "--from-file", &text, name])
    };
    let good = Made::good()?;
    let whole = good.bytes();
    refused("empty", &new("a", b"")?, "not an image")?;
    refused("half", &new("a", &whole[..whole.len() / 2])?, "cut short")?;
    refused(
        "behind",
        &new("a", &[whole.as_slice(), b"x"].concat())?,
        "goes on behind",
    )?;
    let mut flipped = good.clone();
    let middle = flipped.root.len() / 2;
    flipped.root[middle] ^= 1;
    refused("flipped", &new("a", &flipped.bytes())?, "")?;
    is_clean(&guests)?;
    // Right sum, wrong root.
    let cut = zstd::decode_all(good.root.as_slice())?;
    let cut = zstd::encode_all(&cut[..cut.len() - 1024], 1)?;
    let cut = Made {
        root: cut,
        ..good.clone()
    }
    .resealed()?;
    refused("cut root", &new("a", &cut.bytes())?, "end mark")?;
    let less = Made {
        text: good
            .text
            .replace("unpacked_bytes = 9", "unpacked_bytes = 5"),
        ..good
    };
    refused(
        "more than it says",
        &new("a", &less.bytes())?,
        "larger than 5 bytes",
    )?;
    is_clean(&guests)?;
    let root = Tarball::new().folder("etc").finish();
    image::image_with(
        &file,
        "sparc64",
        &root,
        Measure {
            bytes: 0,
            entries: 1,
        },
    )?;
    let ran = guests
        .sandbox
        .osctl(&["ct", "new", "--from-file", &text, "a"])?;
    refused("another architecture", &ran, "sparc64")?;
    is_clean(&guests)?;
    // A FIFO by that name blocks no process; neither do a directory and a device.
    fs::remove_file(&file)?;
    let made = command("mkfifo").arg(&file).status()?;
    ensure!(made.success(), "mkfifo failed");
    for path in [text.as_str(), "/", "/dev/zero"] {
        let ran = guests
            .sandbox
            .osctl(&["ct", "new", "--from-file", path, "a"])?;
        refused(path, &ran, "")?;
    }
    is_clean(&guests)?;
    guests.finish()
}

/// A crash in the middle of a large root: the unpacking process exits, too, and the next daemon
/// finishes the operation.
#[test]
fn a_crash_while_unpacking_leaves_nobody_behind() -> Result<()> {
    let guests = Guests::new()?;
    let mut root = Guests::busybox()?.folder("many");
    for number in 0..40_000 {
        root = root.file(&format!("many/{number}"), "");
    }
    let file = guests.sandbox.path("many.img");
    hostile::image_of(&file, root)?;
    let file = file.display().to_string();
    let mut command = guests
        .sandbox
        .osctl_command(&["ct", "new", "--from-file", &file, "many"])?;
    let mut client = command.spawn()?;
    let begun = || {
        let mut images = fs::read_dir(guests.sandbox.path("tank/image"))
            .ok()?
            .flatten();
        let many = images.next()?.path().join("private/many");
        fs::read_dir(many).ok()?.next()
    };
    let until = Instant::now() + Duration::from_mins(1);
    while begun().is_none() {
        ensure!(Instant::now() < until, "it does not begin to unpack");
    }
    let guests = guests.crash()?;
    client.wait()?;
    let many = guests.sandbox.known_container("many");
    let until = Instant::now() + Duration::from_mins(1);
    while many.state().is_err() {
        ensure!(
            Instant::now() < until,
            "nothing came of it: {}",
            guests.sandbox.log()
        );
    }
    many.start()?;
    let seen = guests.sh("many", "ls /many | wc -l")?;
    ensure!(seen.stdout.trim() == "40000", "{seen:?}");
    guests.finish()
}

#[test]
fn odd_roots_do_no_harm() -> Result<()> {
    let guests = Guests::new()?;
    let victim = guests.outside.path().join("victim").display().to_string();
    let root = Guests::busybox()?
        .file("/absolute", "within\n")
        .add(EntryType::Char, b"dev/mem", b"", b"")
        .add(EntryType::Block, b"dev/sda", b"", b"")
        .add(EntryType::Fifo, b"pipe", b"", b"")
        .mode(0o4755)
        .file("setuid", "x")
        .mode(0o755)
        .file("new\nline\x1b[31m\tname", "odd\n")
        .add(EntryType::Regular, b"not\xff\xfeutf8", b"", b"x")
        // The last of several counts, and what it takes the place of is not followed.
        .file("twice", "first\n")
        .file("twice", "second\n")
        .symlink("victim", &victim)
        .file("victim", "within\n")
        .symlink(
            "directory",
            guests.outside.path().to_str().context("a path")?,
        )
        .folder("directory")
        .file("directory/victim", "within\n")
        .file("was-file", "x")
        .folder("was-file")
        .symlink("link", &victim)
        .link("link2", "link");
    guests.run("odd", root)?;
    guests.are_contained()?;
    let seen = guests.sh(
        "odd",
        "cat /absolute /twice /victim /directory/victim; ls -d /new*",
    )?;
    let (within, name) = seen.stdout.split_at(seen.stdout.rfind("/new").unwrap_or(0));
    ensure!(within == "within\nsecond\nwithin\nwithin\n", "{seen:?}");
    ensure!(name.starts_with("/new"), "{seen:?}");
    let kinds = guests.sh(
        "odd",
        "stat -c %A%u /setuid /pipe /was-file /link2 | head -c 200; \
         test ! -e /dev/mem && test ! -e /dev/sda && echo none",
    )?;
    let kinds: Vec<&str> = kinds.stdout.lines().collect();
    ensure!(
        kinds
            == [
                "-rwsr-xr-x0",
                "prwxr-xr-x0",
                "drwxr-xr-x0",
                "lrwxrwxrwx0",
                "none"
            ],
        "{kinds:?}"
    );
    guests.finish()
}

/// `CAP_NET_RAW`, permitted and effective: struct `vfs_cap_data`, revision 2.
const NET_RAW: [u8; 20] = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// `CAP_DAC_OVERRIDE` and `CAP_FOWNER`: bytes that are line feeds. Revision 3, of a root 100000 of
/// the host where it was packed.
const LINE_FEED: [u8; 24] = [
    1, 0, 0, 3, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xa0, 0x86, 1, 0,
];

/// What a distribution's root has must work in each container of the image, whichever user's process unpacked it.
#[test]
fn owners_capabilities_and_acls_survive() -> Result<()> {
    let guests = Guests::new()?;
    let program = fs::read("/bin/busybox")?;
    let acl = b"user::rw-,user:1000:r--,group::---,mask::r--,other::---";
    let default = b"user::rwx,group::r-x,group:1000:rwx,mask::rwx,other::---";
    let root = Guests::busybox()?
        .extended(&[("SCHILY.xattr.security.capability", &NET_RAW)])
        .file("bin/busybox-raw", &program)
        .extended(&[("SCHILY.xattr.security.capability", &LINE_FEED)])
        .file("bin/busybox-override", &program)
        .mode(0o4755)
        .file("bin/root", &program)
        .mode(0o640)
        .extended(&[
            ("SCHILY.acl.access", acl),
            ("SCHILY.xattr.user.note", b"a\nb"),
        ])
        .file("secret", "secret\n")
        .mode(0o770)
        .extended(&[("SCHILY.acl.default", default)])
        .folder("shared")
        .mode(0o600)
        .owner(1000)
        .file("mine", "mine\n")
        .finish();
    let tar = guests.sandbox.path("root.tar");
    std::io::Write::write_all(&mut fs::File::create(&tar)?, &root)?;
    let image = guests.sandbox.path("root.img").display().to_string();
    import(&tar, &image)?;
    // The first unpacks it, with its ids; the second has others.
    for name in ["first", "second"] {
        guests
            .sandbox
            .ok(&["ct", "new", "--from-file", &image, name])?;
        guests.sandbox.ok(&["ct", "start", name])?;
        let effective = |program: &str| -> Result<String> {
            let line = format!("su user -c '/bin/{program} grep CapEff /proc/self/status'");
            let ran = guests.sh(name, &line)?;
            let word = ran.stdout.split_whitespace().last().map(ToOwned::to_owned);
            word.with_context(|| format!("{program} in {name}: {ran:?}"))
        };
        ensure!(
            effective("busybox-raw")? == "0000000000002000",
            "{name}: {}",
            effective("busybox-raw")?
        );
        ensure!(
            effective("busybox-override")? == "000000000000000a",
            "{name}: {}",
            effective("busybox-override")?
        );
        ensure!(effective("busybox")? == "0000000000000000", "{name}");
        let lines = "su user -c '/bin/cat /secret /mine'; su other -c '/bin/cat /secret /mine'; \
             touch /shared/x; stat -c %a%u /bin/root /mine /secret /shared/x";
        let seen = guests.sh(name, lines)?;
        ensure!(
            seen.stdout == "secret\nmine\n47550\n6001000\n6400\n6600\n",
            "{name}: {seen:?}"
        );
        ensure!(
            seen.stderr.matches("Permission denied").count() == 2,
            "{name}: {seen:?}"
        );
    }
    guests.finish()
}

#[expect(clippy::disallowed_methods, reason = "the test waits for its end")]
fn command(program: impl AsRef<std::ffi::OsStr>) -> std::process::Command {
    std::process::Command::new(program)
}

/// Runs `osctl-image import`.
fn import(tar: &Path, image: &str) -> Result<()> {
    let program = os_testkit::sandbox::program_path("osctl-image")?;
    let output = command(program)
        .arg("import")
        .arg(tar)
        .args(["--distribution", "busybox", "--version", "1", "-o", image])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    Ok(())
}
