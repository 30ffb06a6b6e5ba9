//! Bad input about containers: a clear error, nothing lost, nothing left behind.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use native::{NO_IMAGE, World, wait_for, with_pool, write};
use os_testkit::{Ran, Sandbox, image, sandbox};

/// `osctl` has to refuse with this exit code and these words, and to change nothing.
fn refused(sandbox: &Sandbox, args: &[&str], code: i32, words: &[&str]) -> Result<()> {
    let before = World::look(sandbox)?;
    let ran = sandbox.osctl(args)?;
    ensure!(
        ran.code == code,
        "{args:?} ended with {} instead of {code}: {}",
        ran.code,
        ran.stderr
    );
    for word in words {
        ensure!(
            ran.stderr.contains(word),
            "{args:?} does not say {word:?}: {}",
            ran.stderr
        );
    }
    let after = World::look(sandbox)?;
    before
        .expect_same(&after)
        .with_context(|| format!("{args:?} left something"))?;
    after.is_clean()
}

/// `osctl ct new` from this image is refused.
fn refused_image(sandbox: &Sandbox, image: &Path, words: &[&str]) -> Result<()> {
    let image = image.to_str().context("a path of text")?;
    refused(
        sandbox,
        &["ct", "new", "--from-file", image, "web"],
        5,
        words,
    )
}

/// An image made from a directory by the real program.
fn import(sandbox: &Sandbox, folder: &Path, options: &[&str]) -> Result<PathBuf> {
    let output = sandbox.path("imported.img");
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    let mut import = Command::new(sandbox::program_path("osctl-image")?);
    import.args(["import", "--distribution", "strange", "--version", "1"]);
    let imported = Ran::of(import.args(options).arg("-o").arg(&output).arg(folder))?;
    assert_eq!(imported.code, 0, "{imported:?}");
    Ok(output)
}

#[test]
fn an_image_cut_in_half() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let whole = fs::read(image::busybox()?)?;
    let path = sandbox.path("half.img");
    for length in [whole.len() / 2, whole.len() - 2048, 1000, 512, 1, 0] {
        write(&path, &whole[..length])?;
        refused_image(&sandbox, &path, &["E-IMAGE", "half.img"])
            .with_context(|| format!("{length} bytes"))?;
    }
    sandbox.finish(daemon)
}

#[test]
fn an_image_with_a_wrong_checksum() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let path = sandbox.path("wrong.img");
    fs::copy(image::busybox()?, &path)?;
    let file = fs::File::options().read(true).write(true).open(&path)?;
    let middle = file.metadata()?.len() / 2;
    let mut byte = [0];
    file.read_exact_at(&mut byte, middle)?;
    file.write_all_at(&[!byte[0]], middle)?;
    refused_image(&sandbox, &path, &["E-IMAGE"])?;
    sandbox.finish(daemon)
}

#[test]
fn no_image_at_all() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let text = sandbox.path("text.img");
    write(&text, "this is not an image\n".repeat(1000))?;
    refused_image(&sandbox, &text, &["E-IMAGE"])?;
    refused_image(&sandbox, &sandbox.path("etc"), &[])?;
    let missing = sandbox.path("no-such.img");
    let missing = missing.to_str().context("a path of text")?;
    let ran = sandbox.osctl(&["ct", "new", "--from-file", missing, "web"])?;
    ensure!(
        ran.code != 0 && ran.stderr.contains("no-such.img"),
        "{ran:?}"
    );
    sandbox.finish(daemon)
}

#[test]
fn an_image_of_another_architecture() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let folder = sandbox.path("root");
    fs::create_dir_all(folder.join("etc"))?;
    let other = if std::env::consts::ARCH == "x86_64" {
        "aarch64"
    } else {
        "x86_64"
    };
    let image = import(&sandbox, &folder, &["--arch", other])?;
    refused_image(&sandbox, &image, &["E-IMAGE", other])?;
    sandbox.finish(daemon)
}

#[test]
fn an_image_without_an_init() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let folder = sandbox.path("root");
    for name in ["bin", "dev", "etc", "proc", "sys"] {
        fs::create_dir_all(folder.join(name))?;
    }
    let image = import(&sandbox, &folder, &["--arch", std::env::consts::ARCH])?;
    let image = image.to_str().context("a path of text")?;
    sandbox.ok(&["ct", "new", "--from-file", image, "web"])?;
    refused(
        &sandbox,
        &["ct", "start", "web"],
        8,
        &["E-START", "/sbin/init"],
    )?;
    sandbox.ok(&["ct", "del", "web"])?;
    sandbox.finish(daemon)
}

#[test]
fn names_that_are_none_or_taken() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.new_container("web", &[])?;
    let image = image::busybox()?;
    let image = image.to_str().context("a path of text")?;
    for name in ["a b", "a.b", "../web", "", &"x".repeat(101)] {
        refused(
            &sandbox,
            &["ct", "new", "--from-file", image, "--", name],
            2,
            &[],
        )?;
    }
    refused(
        &sandbox,
        &["ct", "new", "--from-file", image, "web"],
        4,
        &["E-EXISTS", "web"],
    )?;
    refused(
        &sandbox,
        &["ct", "new", "--from-file", image, "--user", "nobody", "two"],
        3,
        &["nobody"],
    )?;
    refused(
        &sandbox,
        &[
            "ct",
            "new",
            "--from-file",
            image,
            "--group",
            "/nowhere",
            "two",
        ],
        3,
        &["/nowhere"],
    )?;
    refused(
        &sandbox,
        &[
            "ct",
            "new",
            "--from-file",
            image,
            "--dataset",
            "tank/ct/web",
            "two",
        ],
        4,
        &["tank/ct/web"],
    )?;
    refused(
        &sandbox,
        &[
            "ct",
            "new",
            "--from-file",
            image,
            "--dataset",
            "other/ct/web",
            "two",
        ],
        2,
        &["other/ct/web"],
    )?;
    refused(
        &sandbox,
        &["ct", "start", "wbe"],
        3,
        &["E-NOT-FOUND", "web"],
    )?;
    sandbox.finish(daemon)
}

#[test]
fn a_running_one_is_not_deleted() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    let init = web.init_pid()?;
    refused(
        &sandbox,
        &["ct", "del", "web"],
        4,
        &["E-CONTAINER-STATE", "osctl ct stop"],
    )?;
    assert_eq!(web.init_pid()?, init);
    refused(&sandbox, &["user", "del", "web"], 4, &["web"])?;
    sandbox.ok(&["ct", "del", "-f", "web"])?;
    sandbox.finish(daemon)
}

#[test]
fn a_pool_that_is_exported() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    refused(
        &sandbox,
        &["pool", "export", "tank"],
        4,
        &["E-IN-USE", "web", "osctl pool export --force"],
    )?;
    assert_eq!(web.sh("echo up")?, "up\n");
    sandbox.ok(&["pool", "export", "-f", "tank"])?;
    let words = ["E-POOL-STATE", "osctl pool import tank"];
    refused(&sandbox, &["ct", "start", "tank:web"], 4, &words)?;
    let ran = sandbox.osctl(&["ct", "start", "web"])?;
    assert_eq!(ran.code, 3, "{ran:?}");
    sandbox.ok(&["pool", "import", "tank"])?;
    assert_eq!(web.state()?, "stopped");
    web.start()?;
    sandbox.finish(daemon)
}

/// Fills the whole quota.
const FILL: &str = "dd if=/dev/zero of=/root/fill bs=1M; sync";

#[test]
fn a_container_that_fills_its_disk() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let other = sandbox.container("other")?;
    let full = sandbox.container("full")?;
    let ran = full.exec(&["/bin/sh", "-c", FILL])?;
    ensure!(ran.stderr.contains("No space left"), "{ran:?}");
    // The others go on, and so does the daemon.
    assert_eq!(other.sh("echo up")?, "up\n");
    assert_eq!(full.sh("echo up")?, "up\n");
    other.kill()?;
    other.start()?;
    sandbox.ok(&["ct", "stop", "full"])?;
    sandbox.ok(&["ct", "del", "full"])?;
    sandbox.ok(&["trash-bin", "prune", "tank"])?;
    sandbox.new_container("next", &[])?;
    sandbox.finish(daemon)
}

#[test]
fn a_full_pool() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let full = sandbox.container("full")?;
    full.exec(&["/bin/sh", "-c", FILL])?;
    // An image that is not in the cache yet, and is too large.
    let folder = sandbox.path("root");
    fs::create_dir_all(folder.join("sbin"))?;
    let mut bytes = vec![0_u8; 64 << 20];
    let mut number = 1_u32;
    for byte in &mut bytes {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = number.to_be_bytes()[0];
    }
    write(folder.join("sbin/init"), &bytes)?;
    let image = import(&sandbox, &folder, &["--arch", std::env::consts::ARCH])?;
    let image = image.to_str().context("a path of text")?;
    refused(
        &sandbox,
        &["ct", "new", "--from-file", image, "web"],
        8,
        &["E-NO-SPACE"],
    )?;
    full.sh("rm /root/fill; sync")?;
    sandbox.ok(&["ct", "new", "--from-file", image, "web"])?;
    sandbox.finish(daemon)
}

#[test]
fn a_client_killed_while_it_makes_one() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let image = image::busybox()?;
    let image = image.to_str().context("a path of text")?;
    for round in 0..6_u32 {
        let name = format!("web{round}");
        let mut command = sandbox.osctl_command(&["ct", "new", "--from-file", image, &name])?;
        let mut client = command.spawn()?;
        // From before the request to behind the unpacking.
        let moment =
            std::time::Instant::now() + std::time::Duration::from_millis(u64::from(round) * 40);
        while std::time::Instant::now() < moment {
            std::hint::spin_loop();
        }
        client.kill()?;
        client.wait()?;
        wait_for("the end of the operation", || {
            let operations = sandbox.json(&["operation", "ls"])?;
            let states = operations.as_array().context("operations")?.iter();
            let ended = ["finished", "reverted", "cancelled"];
            let open = states.filter(|operation| {
                !ended.contains(&operation["state"].as_str().unwrap_or_default())
            });
            Ok((open.count() == 0).then_some(()))
        })?;
        World::look(&sandbox)?.is_clean()?;
        sandbox.ok(&["healthcheck"])?;
        if sandbox.osctl(&["ct", "show", &name])?.code == 3 {
            assert_eq!(
                sandbox.osctl(&["user", "show", &name])?.code,
                3,
                "half of it is there"
            );
            sandbox.new_container(&name, &[])?;
        }
        sandbox.ok(&["ct", "start", &name])?;
    }
    sandbox.finish(daemon)
}

/// What renames or destroys the root of a container takes along what is in it.
#[test]
fn roots_of_containers_are_apart() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let new = |dataset, name| [&["ct", "new"], NO_IMAGE, &["--dataset", dataset, name]].concat();
    sandbox.ok(&new("tank/ct/a", "web"))?;
    let inner = new("tank/ct/a/b", "inner");
    refused(&sandbox, &inner, 4, &["the root of tank:web"])?;
    let trash = new("tank/trash/b", "inner");
    refused(&sandbox, &trash, 2, &["the pool's own"])?;
    // One that is there from before.
    sandbox.ok(&new("tank/ct/b", "other"))?;
    let file = sandbox.path("tank/conf/ct/other.toml");
    let text = fs::read_to_string(&file)?;
    write(&file, text.replace("tank/ct/b", "tank/ct/a"))?;
    sandbox.ok(&["pool", "reload", "tank"])?;
    let del = ["ct", "del", "web"];
    refused(&sandbox, &del, 4, &["the root of tank:other"])?;
    write(&file, &text)?;
    sandbox.ok(&["pool", "reload", "tank"])?;
    sandbox.ok(&del)?;
    sandbox.finish(daemon)
}
