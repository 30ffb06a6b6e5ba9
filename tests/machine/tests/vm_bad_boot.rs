//! What is not there, or broken, when a machine boots: it says so, and what to do.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use machine::image::{BOOT, DOWN, SERVICES, services};
use machine::{Image, booted, says, with_services};
use osvm::{Deadline, Disk, Machine};

/// Stage 1 looks for root.squashfs for 30 s.
const GIVEN_UP: Deadline = Deadline::Scaled(Duration::from_secs(30));

/// A service that waits 10 s for the disks of a pool.
const POOL: Deadline = Deadline::Scaled(Duration::from_mins(1));

/// A service that lets osctld work half a dozen times.
const DECLARED: Deadline = Deadline::Scaled(Duration::from_mins(1));

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
        &mut short,
        &[
            failed,
            "vda (40 MB)",
            "a truncated squashfs cannot be mounted",
        ],
    )?;
    says(
        &mut none,
        &[
            failed,
            "disks here: none",
            "attach the disk, or name it with root=",
        ],
    )
}

#[test]
fn full_tmpfs_is_told_and_the_system_stays() -> Result<()> {
    let image = Image::find()?;
    let mut vm = with_services(&image, image.resumable("full"))?;
    // By itself it ends at half of the memory, which takes long to fill.
    let changes = "/run/layers/changes";
    vm.succeeds(&format!(
        "size=$(df -k --output=size {changes} | tail -n 1); \
         memory=$(awk '/MemTotal/ {{ print $2 }}' /proc/meminfo); \
         test $((memory * 4 / 10)) -lt $size && test $size -lt $((memory * 6 / 10)) && \
         mount -o remount,size=64m {changes}"
    ))?;
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

/// The parameters of the kernel name a console that does not exist, and no line for a login exists.
#[test]
fn no_console_and_the_system_comes_up() -> Result<()> {
    let mut vm = booted(Image::find()?.machine("mute").without_console())?;
    services(&mut vm)?;
    vm.fails("echo hello >/dev/console")?;
    // What the boot had to say is in the kernel's log, all of it.
    let said = vm.succeeds("dmesg")?;
    for part in [
        "stage 1: looking for root.squashfs",
        "stage 2: directories",
        "getty-ttyS0: this machine has no line ttyS0: no login there",
    ] {
        ensure!(said.contains(part), "{part:?} is not in:\n{said}");
    }
    // Nothing tries again and again: no service has failed, and that for the login stays down.
    assert_eq!(
        vm.succeeds("ls /run/service/*/failures 2>/dev/null | wc -l")?,
        "0"
    );
    let status = vm.succeeds("sv status /service/getty-ttyS0 || true")?;
    ensure!(status.starts_with("down: /service/getty-ttyS0"), "{status}");
    vm.shut_down("poweroff -f", DOWN)?;
    Ok(())
}

/// Stage 1 says so before it fetches anything, so neither a network nor a server is needed for this.
#[test]
fn root_that_memory_cannot_hold_is_told_before_it_is_fetched() -> Result<()> {
    let image = Image::find()?;
    let size = std::fs::metadata(image.file("root.squashfs"))?.len();
    let mut small = image
        .bare("small")
        .memory_mib(288)
        .append("httproot=http://server/root.squashfs ip=dhcp stage1.fail=poweroff")
        .build()?;
    small.start()?;
    small.wait_for_shutdown(GIVEN_UP)?;
    says(
        &mut small,
        &[
            "stage 1 FAILED: looking for memory",
            &format!("root.squashfs takes {} MB of memory", (size >> 20) + 1),
            "MB are free",
            "or put root.squashfs on a disk",
        ],
    )?;
    ensure!(!small.console()?.contains("Out of memory"), "it was killed");
    Ok(())
}

fn tank(folder: &Path, number: u32, size: u64) -> Result<Disk> {
    let serial = format!("tank{number}");
    Ok(Disk::create(folder.join(&serial), &serial, size)?)
}

/// The pool of osctl, its users and its groups, as `os/configurations/test-zfs.nix` has them.
fn has_what_is_declared(vm: &mut Machine) -> Result<()> {
    vm.wait_for_service("osctl-pool-tank", DECLARED)?;
    let pool = "osctl pool ls -H -p -o state,parallel_start tank | xargs";
    assert_eq!(vm.succeeds(pool)?, "active 3");
    let users = "osctl user ls -H -o name,registered | xargs";
    assert_eq!(vm.succeeds(users)?, "alice true bob true");
    let map = "osctl user map -H -p bob | xargs";
    assert_eq!(vm.succeeds(map)?, "uid 0 2000000 65536 gid 0 2000000 65536");
    let groups = "osctl group ls -H -o name | sort | xargs";
    assert_eq!(
        vm.succeeds(groups)?,
        "/ /customers /customers/web /default /own"
    );
    Ok(())
}

/// A map is never changed: files belong to it.
fn what_differs_is_told(vm: &mut Machine) -> Result<()> {
    vm.succeeds("sed -i '/bob/s/2000000/3000000/' /etc/runit/services/osctl-pool-tank/run")?;
    vm.succeeds("rm /run/service/osctl-pool-tank/done && sv up osctl-pool-tank")?;
    let told =
        "user tank:bob has the uid map 0:2000000:65536, and configuration.nix says 0:3000000:65536";
    vm.wait_for_console(told, DECLARED)?;
    has_what_is_declared(vm)
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
    has_what_is_declared(&mut host)?;
    what_differs_is_told(&mut host)?;
    let key = ssh_key(&mut host)?;
    host.succeeds("zfs create tank/data && echo kept >/tank/data/file && sync")?;
    host.power_cut()?;

    // Another host does not import it; with -f it does, and has what was synced.
    let mut other = on("other", &[&one, &two])
        .append("spl.spl_hostid=0x0badcafe")
        .build()?;
    other.start()?;
    other.wait_for_console("pool-tank: ERROR: pool tank cannot be imported", POOL)?;
    says(
        &mut other,
        &["If no other host uses it: zpool import -f tank"],
    )?;
    other.wait_for_boot(BOOT)?;
    other.succeeds("zpool import -f tank")?;
    // It tries again by itself, and may mount what the import is about to.
    other.wait_for_service("pool-tank", SERVICES)?;
    assert_eq!(other.succeeds("cat /tank/data/file")?, "kept");
    other.shut_down("poweroff -f", DOWN)?;

    // Exported in order, it is imported without one of its disks, after a wait, and a message says so.
    let mut poor = on("poor", &[&one]).build()?;
    poor.start()?;
    poor.wait_for_console("pool-tank: pool tank is DEGRADED after 10 s", POOL)?;
    poor.wait_for_boot(BOOT)?;
    poor.wait_for_service("pool-tank", SERVICES)?;
    assert_eq!(poor.succeeds("cat /tank/data/file")?, "kept");
    has_what_is_declared(&mut poor)?;
    assert_eq!(ssh_key(&mut poor)?, key, "clients would warn");
    let made = poor.succeeds("cat /var/log/osctl-pool-tank/current")?;
    ensure!(made.is_empty(), "it was there already: {made}");
    poor.power_cut()?;

    // Disks that are too small for any pool.
    let small = tempfile::tempdir()?;
    let (one, two) = (
        tank(small.path(), 1, 8 << 20)?,
        tank(small.path(), 2, 8 << 20)?,
    );
    let mut tiny = on("tiny", &[&one, &two]).build()?;
    tiny.start()?;
    tiny.wait_for_console("pool-tank: ERROR: pool tank cannot be created", POOL)?;
    says(&mut tiny, &["is too small"])?;

    // No disk at all.
    tiny.wait_for_boot(BOOT)?;
    tiny.succeeds(
        "for disk in /dev/disk/by-id/virtio-tank?; do \
           echo 1 >$(readlink -f /sys/block/$(basename $(readlink $disk))/device)/../remove; done",
    )?;
    tiny.succeeds("sv up pool-tank")?;
    let missing = "pool-tank: ERROR: pool tank is not there and cannot be created";
    tiny.wait_for_console(missing, POOL)?;
    says(&mut tiny, &["not all its devices are there. Disks:"])?;
    tiny.wait_for_console("sshd: ERROR: /tank/ssh is not there", POOL)?;
    ssh_key(&mut tiny)?;
    created_by_hand(&mut tiny)
}

/// The key that sshd shows to clients.
fn ssh_key(vm: &mut Machine) -> Result<String> {
    vm.wait_for_service("sshd", SERVICES)?;
    let scan = "until ssh-keyscan -t ed25519 127.0.0.1 2>/dev/null | grep .; do sleep 1; done";
    Ok(vm.succeeds(scan)?)
}

/// Disks that are not empty are used only if the administrator says so.
fn created_by_hand(vm: &mut Machine) -> Result<()> {
    let command = "do-create-pool-tank 2>&1";
    let told = vm.fails(command)?.text();
    ensure!(
        told.contains("there is no /dev/disk/by-id/virtio-tank1. Disks:"),
        "{told}"
    );
    vm.succeeds(
        "for disk in tank1 tank2; do truncate -s 128M /tmp/$disk; \
           ln -s $(losetup -f --show /tmp/$disk) /dev/disk/by-id/virtio-$disk; done; \
         mkfs.ext4 -q /dev/disk/by-id/virtio-tank2",
    )?;
    let told = vm.fails(&format!("echo no | {command}"))?.text();
    ensure!(
        told.contains("virtio-tank2  128M  ext4") && told.contains("WILL BE LOST"),
        "{told}"
    );
    ensure!(told.contains("error: nothing has happened"), "{told}");
    vm.fails("zpool list tank")?;
    vm.succeeds(&format!("echo YES | {command}"))?;
    assert_eq!(vm.succeeds("zpool list -H -o health tank")?, "ONLINE");
    let told = vm.fails(&format!("{command} --force"))?.text();
    ensure!(told.contains("pool tank is there"), "{told}");
    // What is declared on it follows.
    Ok(vm.wait_for_service("pool-tank", SERVICES)?)
}
