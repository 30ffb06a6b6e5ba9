//! What a host without ZFS cannot test: the conformance suite of the storage backends, and the tests of
//! containers, on pools that are zpools.

use std::time::Duration;

use anyhow::{Result, ensure};
use machine::image::made;
use machine::{Image, booted, pool};
use osvm::{Deadline, Disk, Machine};

/// Forty tests, each with a zpool or two of its own.
const CONFORMANCE: Deadline = Deadline::Scaled(Duration::from_mins(5));

/// One file of tests, each with a daemon, a zpool and some containers of its own.
const CONTAINERS: Deadline = Deadline::Scaled(Duration::from_mins(3));

/// A machine with the suites as `make test-images` leaves them, in a folder that can be written to.
fn with_suites(name: &str) -> Result<Machine> {
    let builder = Image::find()?.machine(name).memory_mib(3072);
    let mut vm = booted(builder.disk(Disk::read_only(made("suites")?, "suites")))?;
    pool::load_driver(&mut vm)?;
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
    let life = "root_ct_life from_new images_are an_ephemeral an_image renamed_it restarted";
    passes(&mut vm, &format!("{life} {ONE_BY_ONE}"), CONTAINERS)
}

/// All tests of containers that a host runs on btrfs.
#[test]
fn long_containers_on_zfs() -> Result<()> {
    let mut vm = with_suites("containers")?;
    let files = vm.succeeds("cd /suites && ls -d root_ct_*")?;
    ensure!(files.lines().count() > 5, "{files}");
    let mut failed = Vec::new();
    for file in files.lines() {
        let ran = passes(&mut vm, &format!("{file} {ONE_BY_ONE}"), CONTAINERS);
        failed.extend(ran.err().map(|error| format!("{file}: {error:#}")));
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n\n"));
    Ok(())
}
