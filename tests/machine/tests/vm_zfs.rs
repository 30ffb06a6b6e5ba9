//! What a host without ZFS cannot test: the conformance suite of the storage backends.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use machine::{Image, booted, pool};
use osvm::{Deadline, Disk};

/// Forty tests, each with a zpool or two of its own.
const SUITE: Deadline = Deadline::Scaled(Duration::from_mins(5));

/// The suite as `make test-images` leaves it, as a disk: a program may have zeros at its end.
fn suite(folder: &Path) -> Result<Disk> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/os/conformance");
    let copy = folder.join("suite");
    let size = std::fs::copy(&built, &copy);
    let missing = || format!("there is no {}; make it: make test-images", built.display());
    let size = size.with_context(missing)?;
    let file = File::options().write(true).open(&copy)?;
    file.set_len(size.next_multiple_of(512))?;
    Ok(Disk::read_only(copy, "suite"))
}

#[test]
fn conformance_of_zfs() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let builder = Image::find()?.machine("zfs").memory_mib(3072);
    let mut vm = booted(builder.disk(suite(dir.path())?))?;
    pool::load_driver(&mut vm)?;
    vm.succeeds("cp /dev/vdb /tmp/suite && chmod +x /tmp/suite")?;
    let ran = vm.execute("/tmp/suite zfs_ --test-threads=2 2>&1", SUITE)?;
    let said = ran.text();
    println!("{said}");
    ensure!(ran.status == 0, "{said}");
    ensure!(said.contains("test result: ok. "), "{said}");
    ensure!(!said.contains("running 0 tests"), "{said}");
    Ok(())
}
