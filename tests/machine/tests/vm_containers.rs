//! Containers in the system: their life, their start at boot, and that they come back with their pool.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use machine::image::{BOOT, DOWN, services};
use machine::pool::{self, OPERATION};
use machine::{Image, with_pool, with_services};
use osvm::{Deadline, Machine};

#[test]
fn containers_live_come_back_and_move_with_their_pool() -> Result<()> {
    let image = Image::find()?;
    let mut first = with_pool(&image, "first")?;
    life_of_a_container(&mut first)?;

    // As it was left by a machine in order, in the same one and in another one.
    first.succeeds_within("osctl ct set autostart web", OPERATION)?;
    first.succeeds_within("osctl ct exec web sh -c 'echo kept >/kept'", OPERATION)?;
    first.shut_down("poweroff -f", DOWN)?;
    ensure!(
        first
            .console()?
            .contains("runit 3: stopping the containers of pool tank")
    );
    first.start()?;
    first.wait_for_boot(BOOT)?;
    services(&mut first)?;
    pool::import(&mut first, "")?;
    came_back(&mut first)?;
    first.succeeds_within("osctl pool export -f tank", OPERATION)?;
    first.succeeds("osctl pool ls -H | wc -l | grep -x 0")?;
    first.shut_down("poweroff -f", DOWN)?;

    let disk = first.disk("pool").context("it has a disk for the pool")?;
    let second = image.resumable("second").disk(disk);
    let mut second = with_services(&image, second.disk(pool::repository()?))?;
    // Another host, for ZFS.
    second.succeeds("echo 7 >/sys/module/spl/parameters/spl_hostid")?;
    pool::import(&mut second, "")?;
    came_back(&mut second)?;
    debian_runs_systemd(&mut second)?;
    pool::is_healthy(&mut second)
}

/// An image of 150 MB is unpacked, or a systemd started.
const DEBIAN: Deadline = Deadline::Scaled(Duration::from_mins(1));

/// What `make vm` promises, with the same disk. Its systemd needs control groups of its own.
fn debian_runs_systemd(vm: &mut Machine) -> Result<()> {
    let images = "/var/lib/osctl/repository";
    vm.succeeds(&format!(
        "mkdir -p {images} && mount -o ro /dev/disk/by-id/virtio-repository {images}"
    ))?;
    vm.succeeds_within("osctl ct new --distribution debian ct1", DEBIAN)?;
    vm.succeeds_within("osctl ct start --wait-ready ct1", DEBIAN)?;
    let state = "osctl ct exec ct1 systemctl is-system-running";
    assert_eq!(vm.succeeds_within(state, OPERATION)?, "running");
    let kind = "osctl ct exec ct1 stat -fc %T /sys/fs/cgroup";
    assert_eq!(vm.succeeds_within(kind, OPERATION)?, "cgroup2fs");
    vm.succeeds_within("osctl ct stop ct1", OPERATION)?;
    Ok(())
}

/// New, started, looked at, stopped, deleted; another one stays, running.
fn life_of_a_container(vm: &mut Machine) -> Result<()> {
    vm.succeeds_within(&pool::new_container("short"), OPERATION)?;
    vm.succeeds_within("osctl ct start short", OPERATION)?;
    let inside = "osctl ct exec short sh -c 'id -u; cat /proc/1/cgroup'";
    assert_eq!(vm.succeeds_within(inside, OPERATION)?, "0\n0::/");
    // Root of the guest has no privileges on the host, and has control groups of its own, version 2.
    let init = "pid=$(osctl ct show -H -o init_pid short)";
    vm.succeeds(&format!("{init}; test $(stat -c %u /proc/$pid) -ge 65536"))?;
    let group = vm.succeeds(&format!("{init}; cat /proc/$pid/cgroup"))?;
    ensure!(group.starts_with("0::/osctl/"), "{group}");
    vm.succeeds("test $(stat -fc %T /sys/fs/cgroup) = cgroup2fs")?;
    vm.succeeds_within("osctl ct stop short && osctl ct del short", OPERATION)?;
    assert_eq!(
        vm.succeeds("osctl ct ls -H -o id,state | tr -s ' '")?,
        "web running"
    );
    pool::is_healthy(vm)
}

/// Whether `web` was started with its pool, and has what was written to it.
fn came_back(vm: &mut Machine) -> Result<()> {
    let runs = "osctl ct ls -H -o state web | grep -x running";
    vm.wait_until_succeeds(runs, OPERATION)?;
    let kept = vm.succeeds_within("osctl ct exec web cat /kept", OPERATION)?;
    ensure!(kept == "kept", "{kept}");
    Ok(())
}
