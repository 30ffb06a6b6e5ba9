//! A pool of osctl on a disk, which can be put into another machine.

use std::time::Duration;

use anyhow::{Result, ensure};
use osvm::{Deadline, Disk, Machine};

use crate::image::made;

/// What the disk of the pool is in a machine.
const DEVICE: &str = "/dev/disk/by-id/virtio-pool";

/// An operation of osctld that has no reason to take long.
pub const OPERATION: Deadline = Deadline::Scaled(Duration::from_secs(30));

/// Size of the disk, in bytes.
pub const SIZE: u64 = 2_000 << 20;

/// The commands that make the pool `tank` on the empty disk `pool`. The one place that knows what kind it is.
pub fn making() -> [String; 2] {
    // The disk is the only one and has no partitions: nothing to wait for.
    let zpool = format!("zpool create -f tank {DEVICE}");
    [zpool, "osctl pool install tank".to_owned()]
}

/// What a machine without pools of its own does not do at boot: it takes ten seconds under TCG.
///
/// # Errors
/// When the kernel has none.
pub fn load_driver(vm: &mut Machine) -> Result<()> {
    vm.succeeds_within("modprobe zfs", OPERATION)?;
    Ok(())
}

/// The command that imports it in a machine that has never seen it and has the driver.
pub fn import_command(options: &str) -> String {
    format!("osctl pool import {options} tank")
}

/// Imports it so; `options` are those of `osctl pool import`.
///
/// # Errors
/// When it cannot be imported.
pub fn import(vm: &mut Machine, options: &str) -> Result<()> {
    load_driver(vm)?;
    vm.succeeds_within(&import_command(options), OPERATION)?;
    Ok(())
}

/// The command that builds the busybox image in the machine, where [`new_container`] finds it.
pub const BUILD_IMAGE: &str = "osctl-image build busybox -o /tmp/busybox.img";

/// The disk with images that `make test-images` leaves.
///
/// # Errors
/// When it has not been made; says how.
pub fn repository() -> Result<Disk> {
    Ok(Disk::read_only(made("repository")?, "repository"))
}

/// The command that makes a container from the image.
pub fn new_container(id: &str) -> String {
    format!("osctl ct new --from-file /tmp/busybox.img {id}")
}

/// Fails unless `osctl healthcheck` finds nothing.
///
/// # Errors
/// With what it found.
pub fn is_healthy(vm: &mut Machine) -> Result<()> {
    let found = vm.execute("osctl healthcheck", OPERATION)?;
    ensure!(found.status == 0, "healthcheck: {}", found.text());
    Ok(())
}
