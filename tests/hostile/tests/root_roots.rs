//! Guests whose root is laid out to make the host look or write where it should not.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use hostile::{Guests, Tarball};
use os_testkit::Ran;
use tar::EntryType;

/// Where a link of a root may lead.
fn traps(guests: &Guests) -> Vec<(&'static str, String)> {
    let outside = guests.outside.path().display().to_string();
    vec![
        ("host", outside.clone()),
        ("top", "/".to_owned()),
        ("up", format!("../../../../../../../../..{outside}")),
        ("loop", "loop".to_owned()),
        ("proc", "/proc/1/root".to_owned()),
    ]
}

/// A clear error, or one of the answers of a container that runs.
fn is_clear(what: &str, ran: &Ran) -> Result<()> {
    let says = ["error: ", "hint: ", "(E-START"];
    let clear = ran.code == 0 || (ran.code == 8 && says.iter().all(|it| ran.stderr.contains(it)));
    ensure!(clear, "{what}: {} {}", ran.code, ran.stderr);
    ensure!(!ran.stderr.contains('\x1b'), "{what}: {:?}", ran.stderr);
    Ok(())
}

/// Does to a container whatever can be done to one, and takes it away; true if it ran.
fn exercise(guests: &Guests, name: &str, root: Tarball) -> Result<bool> {
    let made = guests.make(name, root)?;
    ensure!(made.code == 0, "{name} was not made: {}", made.stderr);
    let started = guests.sandbox.osctl(&["ct", "start", name])?;
    is_clear(name, &started)?;
    guests
        .are_contained()
        .with_context(|| format!("{name} was started"))?;
    let runs = started.code == 0;
    if runs {
        let ran =
            guests
                .sandbox
                .osctl(&["ct", "exec", name, "/bin/sh", "-c", "echo $((6 * 7))"])?;
        let said = ran.stdout.trim() == "42" || (ran.code >= 125 && !ran.stderr.is_empty());
        ensure!(said, "{name}: {ran:?}");
        guests
            .are_contained()
            .with_context(|| format!("in {name} a command ran"))?;
    }
    let listed = guests
        .sandbox
        .ok(&["ct", "ls", "-H", "-o", "id,state", name])?;
    ensure!(
        listed.contains(if runs { "running" } else { "stopped" }),
        "{name}: {listed}"
    );
    guests.sandbox.ok(&["ct", "stop", "--kill", name])?;
    guests.sandbox.ok(&["ct", "del", "-f", name])?;
    guests
        .are_contained()
        .with_context(|| format!("{name} was deleted"))?;
    Ok(runs)
}

/// Runs every trap in place of one directory or file of the root.
fn in_place_of(place: &str, also: &[&str]) -> Result<()> {
    let guests = Guests::new()?;
    for (kind, target) in traps(&guests) {
        let left_out = [&[place], also].concat();
        let target = if kind == "loop" {
            place.to_owned()
        } else {
            target
        };
        let root = Guests::busybox_without(&left_out)?.symlink(place, &target);
        let name = format!("{}-{kind}", place.replace(['/', '.'], "-"));
        exercise(&guests, &name, root)?;
    }
    guests.finish()
}

#[test]
fn etc_is_a_symlink() -> Result<()> {
    in_place_of("etc", &[])
}

#[test]
fn dev_is_a_symlink() -> Result<()> {
    in_place_of("dev", &[])
}

#[test]
fn proc_is_a_symlink() -> Result<()> {
    in_place_of("proc", &[])
}

#[test]
fn sys_is_a_symlink() -> Result<()> {
    in_place_of("sys", &[])
}

#[test]
fn run_is_a_symlink() -> Result<()> {
    in_place_of("run", &[])
}

#[test]
fn root_home_is_a_symlink() -> Result<()> {
    in_place_of("root", &[])
}

#[test]
fn sbin_is_a_symlink() -> Result<()> {
    in_place_of("sbin", &[])
}

#[test]
fn init_is_a_symlink() -> Result<()> {
    in_place_of("sbin/init", &[])
}

#[test]
fn usr_is_a_symlink() -> Result<()> {
    in_place_of("usr", &[])
}

#[test]
fn files_of_the_host_name_are_symlinks() -> Result<()> {
    let guests = Guests::new()?;
    let out = guests.outside.path().display().to_string();
    for (name, hostname, resolv) in [
        (
            "absolute",
            format!("{out}/hostname"),
            format!("{out}/resolv.conf"),
        ),
        (
            "up",
            format!("../../../../../..{out}/hostname"),
            format!("../../../../../..{out}/x"),
        ),
        ("new", format!("{out}/made"), format!("{out}/made2")),
        ("loop", "hostname".to_owned(), "resolv.conf".to_owned()),
        (
            "own",
            "../proc/sys/kernel/hostname".to_owned(),
            "/proc/1/root/etc/resolv.conf".to_owned(),
        ),
    ] {
        let root = Guests::busybox()?
            .symlink("etc/hostname", &hostname)
            .symlink("etc/resolv.conf", &resolv)
            .symlink("etc/hosts", &hostname)
            .symlink("etc/machine-id", &hostname);
        let file = guests.sandbox.path(&format!("{name}.img"));
        hostile::image_of(&file, root)?;
        let file = file.display().to_string();
        guests.sandbox.ok(&[
            "ct",
            "new",
            "--from-file",
            &file,
            "--hostname",
            "other",
            name,
        ])?;
        let started = guests.sandbox.osctl(&["ct", "start", name])?;
        is_clear(name, &started)?;
        guests.are_contained().with_context(|| name.to_owned())?;
        if started.code == 0 {
            let called = guests.sh(name, "hostname")?;
            ensure!(called.stdout.trim() == "other", "{name}: {called:?}");
        }
        guests.sandbox.ok(&["ct", "del", "-f", name])?;
        guests.are_contained()?;
    }
    guests.finish()
}

#[test]
fn places_of_mounts_are_no_folders() -> Result<()> {
    let guests = Guests::new()?;
    for place in ["dev", "proc", "sys", "run", "tmp"] {
        let file = Guests::busybox_without(&[place])?.file(place, "a file\n");
        exercise(&guests, &format!("{place}-file"), file)?;
    }
    let bare = Tarball::new().folder("etc");
    ensure!(
        !exercise(&guests, "bare", bare)?,
        "a root without anything runs"
    );
    guests.finish()
}

/// LXC opens it and waits for somebody to write; we do not wait for LXC forever.
#[test]
fn proc_is_a_fifo() -> Result<()> {
    let guests = Guests::new()?;
    let fifo = Guests::busybox_without(&["proc"])?.add(EntryType::Fifo, b"proc", b"", b"");
    exercise(&guests, "fifo", fifo)?;
    guests.finish()
}

#[test]
fn init_is_no_program() -> Result<()> {
    let guests = Guests::new()?;
    let without = || Guests::busybox_without(&["sbin/init"]);
    let cases = [
        ("missing", without()?),
        (
            "fifo",
            without()?.add(EntryType::Fifo, b"sbin/init", b"", b""),
        ),
        ("directory", without()?.folder("sbin/init")),
        ("empty", without()?.file("sbin/init", "")),
        ("noise", without()?.file("sbin/init", [0xa5; 4096])),
        (
            "script",
            without()?.file("sbin/init", "#!/no/such/interpreter\n"),
        ),
        ("circle", without()?.file("sbin/init", "#!/sbin/init\n")),
        (
            "not-for-all",
            without()?
                .mode(0o644)
                .file("sbin/init", "#!/bin/sh\n")
                .mode(0o755),
        ),
        (
            "half",
            without()?.file("sbin/init", &fs::read("/bin/busybox")?[..300]),
        ),
    ];
    for (name, root) in cases {
        let made = guests.make(name, root)?;
        ensure!(made.code == 0, "{name}: {}", made.stderr);
        let started = guests.sandbox.osctl(&["ct", "start", name])?;
        is_clear(name, &started)?;
        // LXC gives what the kernel does not take for a program to the guest's shell, as a shell does:
        // then there was an init, and it ended.
        let may_run = matches!(name, "empty" | "noise" | "half");
        ensure!(may_run || started.code == 8, "{name}: {started:?}");
        guests.sandbox.known_container(name).wait_for("stopped")?;
        guests.sandbox.ok(&["ct", "del", name])?;
    }
    guests.finish()
}
