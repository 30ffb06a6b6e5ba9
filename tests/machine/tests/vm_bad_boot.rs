//! What is not there, or broken, when a machine boots: it says so, and what to do.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use machine::image::{BOOT, DOWN, SERVICES, services};
use machine::{Image, booted};
use osvm::{Deadline, Disk, Machine};

/// Stage 1 looks for root.squashfs for 30 s.
const GIVEN_UP: Deadline = Deadline::Scaled(Duration::from_secs(30));

/// A service that waits 10 s for the disks of a pool.
const POOL: Deadline = Deadline::Scaled(Duration::from_mins(1));

fn says(vm: &Machine, parts: &[&str]) -> Result<()> {
    let said = vm.console()?;
    for part in parts {
        ensure!(said.contains(part), "{part:?} is not in:\n{said}");
    }
    Ok(())
}

#[test]
fn no_root_and_one_that_was_cut_short() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let image = Image::find()?;
    let half = dir.path().join("half");
    std::fs::copy(image.file("root.squashfs"), &half)?;
    File::options().write(true).open(&half)?.set_len(40 << 20)?;
    let fail = "stage1.fail=poweroff";
    let mut short = image.bare("short").disk(Disk::read_only(half, "root"));
    short = short.append(fail);
    let mut short = short.build()?;
    let mut none = image.bare("none").append(fail).build()?;
    short.start()?;
    none.start()?;
    short.wait_for_shutdown(GIVEN_UP)?;
    none.wait_for_shutdown(GIVEN_UP)?;
    let failed = "stage 1 FAILED: looking for root.squashfs";
    says(
        &short,
        &[
            failed,
            "vda (40 MB)",
            "a squashfs that was cut short cannot be mounted",
        ],
    )?;
    says(
        &none,
        &[
            failed,
            "disks here: none",
            "attach the disk, or name it with root=",
        ],
    )
}

#[test]
fn full_tmpfs_is_told_and_the_system_stays() -> Result<()> {
    let mut vm = booted(Image::find()?.machine("full"))?;
    services(&mut vm)?;
    let full = vm.fails("dd if=/dev/zero of=/var/full bs=1M")?;
    ensure!(
        full.text().contains("No space left on device"),
        "{}",
        full.text()
    );
    vm.succeeds("osctl ping && osctl pool ls")?;
    vm.shut_down("poweroff -f", DOWN)?;
    ensure!(
        !vm.console()?.contains("runit 3: ERROR"),
        "{}",
        vm.console()?
    );
    Ok(())
}

fn tank(folder: &Path, number: u32, size: u64) -> Result<Disk> {
    let serial = format!("tank{number}");
    Ok(Disk::create(folder.join(&serial), &serial, size)?)
}

/// One pool, through everything that can be wrong with it when its host boots.
#[test]
fn zpool_missing_too_small_held_and_degraded() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let image = Image::named("test-zfs")?;
    let (one, two) = (
        tank(dir.path(), 1, 256 << 20)?,
        tank(dir.path(), 2, 256 << 20)?,
    );
    let on = |name: &str, disks: &[&Disk]| {
        let builder = image.machine(name);
        disks
            .iter()
            .fold(builder, |builder, disk| builder.disk((*disk).clone()))
    };

    // Created on empty disks, and not let go.
    let mut host = booted(on("host", &[&one, &two]))?;
    host.wait_for_zpool("tank", POOL)?;
    host.wait_for_service("pool-tank", SERVICES)?;
    host.succeeds("zfs create tank/data && echo kept >/tank/data/file && sync")?;
    host.power_cut()?;

    // Another host does not take it; it may be told to, and has what was synced.
    let mut other = on("other", &[&one, &two])
        .append("spl.spl_hostid=0x0badcafe")
        .build()?;
    other.start()?;
    other.wait_for_console("pool-tank: ERROR: pool tank cannot be imported", POOL)?;
    says(&other, &["If no other host uses it: zpool import -f tank"])?;
    other.wait_for_boot(BOOT)?;
    other.succeeds("zpool import -f tank")?;
    assert_eq!(other.succeeds("cat /tank/data/file")?, "kept");
    other.shut_down("poweroff -f", DOWN)?;

    // Exported in order, it is taken without a disk of it, after a wait, and this is told.
    let mut poor = on("poor", &[&one]).build()?;
    poor.start()?;
    poor.wait_for_console("pool-tank: pool tank is DEGRADED after 10 s", POOL)?;
    poor.wait_for_boot(BOOT)?;
    poor.wait_for_service("pool-tank", SERVICES)?;
    assert_eq!(poor.succeeds("cat /tank/data/file")?, "kept");
    poor.power_cut()?;

    // No disk at all.
    let mut none = on("none", &[]).build()?;
    none.start()?;
    let missing = "pool-tank: ERROR: pool tank is not there and cannot be created";
    none.wait_for_console(missing, POOL)?;
    says(&none, &["not all its devices are there. Disks:"])?;
    none.power_cut()?;

    // Disks that are too small for any pool.
    let small = tempfile::tempdir()?;
    let (one, two) = (
        tank(small.path(), 1, 8 << 20)?,
        tank(small.path(), 2, 8 << 20)?,
    );
    let mut tiny = on("tiny", &[&one, &two]).build()?;
    tiny.start()?;
    tiny.wait_for_console("pool-tank: ERROR: pool tank cannot be created", POOL)?;
    says(&tiny, &["is too small"])
}
