//! What a host without ZFS cannot test: the conformance suite of the storage backends, and the tests of
//! containers, on pools that are zpools. And control groups where there is only version 2 of them.

use std::time::Duration;

use anyhow::{Result, ensure};
use machine::image::made;
use machine::{Image, with_services};
use osvm::{Deadline, Disk, Machine};

/// Forty tests, each with a zpool or two of its own.
const CONFORMANCE: Deadline = Deadline::Scaled(Duration::from_mins(5));

/// One file of tests, each with a daemon, a zpool and some containers of its own.
const CONTAINERS: Deadline = Deadline::Scaled(Duration::from_mins(3));

/// One command, killed at each of its points, with a zpool or more of its own.
const CRASHES: Deadline = Deadline::Scaled(Duration::from_mins(6));

/// A machine with the suites as `make test-images` leaves them, in a writable directory.
fn with_suites(name: &str) -> Result<Machine> {
    let image = Image::find()?;
    let suites = Disk::read_only(made("suites")?, "suites");
    let mut vm = with_services(&image, image.resumable(name).disk(suites))?;
    vm.succeeds(
        "mkdir -p /tmp/disk /tmp/upper /tmp/work /suites && \
         mount -o ro /dev/vdb /tmp/disk && \
         mount -t overlay -o lowerdir=/tmp/disk,upperdir=/tmp/upper,workdir=/tmp/work overlay /suites",
    )?;
    Ok(vm)
}

/// Runs a suite, which has to pass and not to be empty.
fn passes(vm: &mut Machine, suite: &str, deadline: Deadline) -> Result<()> {
    let ran = vm.execute(&format!("/suites/{suite} 2>&1"), deadline)?;
    let said = ran.text();
    ensure!(ran.status == 0, "{said}");
    ensure!(said.contains("test result: ok. "), "{said}");
    ensure!(!said.contains("running 0 tests"), "{said}");
    Ok(())
}

/// Runs suites one after the other, to the last one.
fn all_pass(
    vm: &mut Machine,
    suites: impl Iterator<Item = String>,
    deadline: Deadline,
) -> Result<()> {
    let mut failed = Vec::new();
    for suite in suites {
        let ran = passes(vm, &suite, deadline);
        failed.extend(ran.err().map(|error| format!("{suite}: {error:#}")));
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n\n"));
    Ok(())
}

#[test]
fn conformance_of_zfs() -> Result<()> {
    let mut vm = with_suites("zfs")?;
    passes(&mut vm, "conformance zfs_ --test-threads=2", CONFORMANCE)
}

/// Where there is ZFS, `osctl pool new` makes a zpool. All have the same name, which a host has once.
const ONE_BY_ONE: &str = "--test-threads=1";

/// What a container does to its pool.
#[test]
fn life_of_containers_on_zfs() -> Result<()> {
    let mut vm = with_suites("life")?;
    let groups = "os_cgroup root_groups root_a_process root_expected";
    passes(&mut vm, &format!("{groups} {ONE_BY_ONE}"), CONTAINERS)?;
    let life = "root_ct_life from_new images_are an_ephemeral an_image renamed_it restarted";
    passes(&mut vm, &format!("{life} {ONE_BY_ONE}"), CONTAINERS)
}

/// All tests of containers that a host runs on btrfs.
#[test]
fn long_containers_on_zfs() -> Result<()> {
    let mut vm = with_suites("containers")?;
    let files = vm.succeeds("cd /suites && ls -d root_ct_*")?;
    ensure!(files.lines().count() > 5, "{files}");
    let suites = files.lines().map(|file| format!("{file} {ONE_BY_ONE}"));
    all_pass(&mut vm, suites, CONTAINERS)
}

/// The part of the crash matrix that makes, moves and destroys datasets.
#[test]
fn long_crashes_of_containers_on_zfs() -> Result<()> {
    crashes(&[
        "zfs_ct_new_from_the_cache",
        "zfs_ct_del",
        "ct_rename_with_hook_scripts",
        "trash_prune",
    ])
}

/// The part of the crash matrix that makes, moves and destroys zpools.
#[test]
fn long_crashes_of_pools_on_zfs() -> Result<()> {
    crashes(&[
        "pool_new",
        "zfs_pool_destroy",
        "zfs_pool_import",
        "zfs_pool_export",
    ])
}

fn crashes(commands: &[&str]) -> Result<()> {
    let mut vm = with_suites("crashes")?;
    let suites = commands
        .iter()
        .map(|name| format!("root_crash --exact {name}"));
    all_pass(&mut vm, suites, CRASHES)
}
