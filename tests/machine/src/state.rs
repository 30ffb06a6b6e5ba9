//! Where a test begins whose point is not the boot: states that are saved once for an image, in
//! `target/os/<configuration>/saved`, and resumed by each test. A boot with its services takes twenty
//! seconds or more under TCG, this takes two.
//!
//! A test begins with a boot ([`crate::booted`], [`crate::up`]) if it is about what happens at a boot, on the
//! way to a login, or on the console until then; or if it has kernel parameters.

use anyhow::Result;
use osvm::{Builder, Machine, Recipe};

use crate::image::{BOOT, Image, SERVICES};
use crate::pool::{self, OPERATION};

/// The container of [`with_pool`].
pub const CONTAINER: &str = "web";

/// All services are there, all devices are known, and the driver of ZFS is loaded. No disk but the root, no
/// card.
fn services() -> Recipe {
    let recipe = Recipe::of_boot("services", BOOT).wait_until("osctl ping", SERVICES);
    let recipe = ["udev-trigger", "networking"]
        .into_iter()
        .fold(recipe, |recipe, service| {
            let done = format!("test -e /run/service/{service}/done");
            recipe.wait_until(done, SERVICES)
        });
    recipe
        .run("modprobe zfs", OPERATION)
        .run("udevadm settle", SERVICES)
}

/// With the pool `tank`, an image in `/tmp/busybox.img`, and the container [`CONTAINER`], which runs.
fn pool() -> Recipe {
    let recipe = Recipe::of_recipe("pool", services()).disks(1);
    let commands = pool::making().into_iter().chain([
        pool::BUILD_IMAGE.to_owned(),
        pool::new_container(CONTAINER),
        format!("osctl ct start {CONTAINER}"),
    ]);
    commands.fold(recipe, |recipe, command| recipe.run(command, OPERATION))
}

/// A machine with services and the driver of ZFS, like `services` of a machine that was just booted.
///
/// # Errors
/// When it cannot be resumed and does not boot in time.
pub fn with_services(image: &Image, builder: Builder) -> Result<Machine> {
    resumed(image, builder, &services())
}

/// A machine with the pool `tank` on its disk `pool`, and a container on it which runs.
///
/// # Errors
/// When it cannot be resumed and does not boot in time.
pub fn with_pool(image: &Image, name: &str) -> Result<Machine> {
    let builder = image.resumable(name).new_disk("pool", pool::SIZE);
    resumed(image, builder, &pool())
}

fn resumed(image: &Image, builder: Builder, recipe: &Recipe) -> Result<Machine> {
    let mut machine = builder.build()?;
    machine.resume(image.states(), recipe)?;
    known(&mut machine)?;
    Ok(machine)
}

/// Turns on a machine that is off, with the disks it has, and nothing in its memory of what was before: all
/// that a boot leaves, for a test that is about the disks.
///
/// # Errors
/// When it cannot be resumed and does not boot in time.
pub fn anew(image: &Image, machine: &mut Machine) -> Result<()> {
    machine.resume(image.states(), &services())?;
    known(machine)?;
    new_boot_id(machine)
}

/// udev knows what was plugged in: the disks have their names.
fn known(machine: &mut Machine) -> Result<()> {
    let command = "for file in /sys/block/vd*/serial; do \
                     until test -e /dev/disk/by-id/virtio-$(cat $file); do sleep 0.1; done; \
                   done; udevadm settle";
    machine.succeeds_within(command, SERVICES)?;
    Ok(())
}

/// Gives osctld a `boot_id` that no machine had before. By it osctld tells what was begun before a boot from
/// what it began itself before it was restarted.
fn new_boot_id(machine: &mut Machine) -> Result<()> {
    let file = "/proc/sys/kernel/random/boot_id";
    machine.succeeds(&format!(
        "cat /proc/sys/kernel/random/uuid >/run/boot_id && mount --bind /run/boot_id {file} && \
         sv -w 20 restart osctld"
    ))?;
    machine.wait_until_succeeds("osctl ping", SERVICES)?;
    // osctld has read it. The kernel mounts no /proc in the user namespace of a container while a part of
    // that of the host is hidden.
    machine.succeeds(&format!("umount {file}"))?;
    Ok(())
}
