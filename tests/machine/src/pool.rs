//! A pool of osctl on a disk, which can be put into another machine.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use osvm::{Deadline, Disk, Machine};

use crate::image::made;

/// What the disk of the pool is in a machine.
const DEVICE: &str = "/dev/disk/by-id/virtio-pool";

/// An operation of osctld that has no reason to take long.
pub const OPERATION: Deadline = Deadline::Scaled(Duration::from_secs(30));

/// A new disk for a pool.
///
/// # Errors
/// When there is one in the folder.
pub fn disk(folder: impl AsRef<Path>) -> Result<Disk> {
    Ok(Disk::create(
        folder.as_ref().join("pool"),
        "pool",
        2_000 << 20,
    )?)
}

/// Makes the pool `tank` on the empty disk. The one place that knows what kind it is.
///
/// # Errors
/// When it cannot be made.
pub fn make(vm: &mut Machine) -> Result<()> {
    load_driver(vm)?;
    // The disk is the only one and has no partitions: nothing to wait for.
    vm.succeeds_within(&format!("zpool create -f tank {DEVICE}"), OPERATION)?;
    vm.succeeds_within("osctl pool install tank", OPERATION)?;
    Ok(())
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

/// Builds the busybox image in the machine, where [`new_container`] finds it.
///
/// # Errors
/// When it cannot be built.
pub fn build_image(vm: &mut Machine) -> Result<()> {
    vm.succeeds_within("osctl-image build busybox -o /tmp/busybox.img", OPERATION)?;
    Ok(())
}

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
