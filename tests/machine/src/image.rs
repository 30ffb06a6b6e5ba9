//! What the machines boot.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use osvm::{Builder, Deadline, Disk, Machine};

/// From power to a root shell. It is 25 s under TCG on an idle host.
pub const BOOT: Deadline = Deadline::Scaled(Duration::from_secs(40));

/// From a root shell to an osctld that answers.
pub const SERVICES: Deadline = Deadline::Scaled(Duration::from_secs(30));

/// From `poweroff` to off.
pub const DOWN: Deadline = Deadline::Scaled(Duration::from_secs(30));

/// What `make test-images` leaves under this name.
///
/// # Errors
/// When it has not been made; says how.
pub fn made(name: &str) -> Result<PathBuf> {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/os");
    let path = images.join(name);
    let missing = path.display();
    ensure!(
        path.exists(),
        "there is no {missing}; make it: make test-images"
    );
    Ok(path)
}

/// The image of the tests.
#[derive(Debug)]
pub struct Image {
    folder: PathBuf,
    command_line: String,
}

impl Image {
    /// That of `os/configurations/test.nix`.
    ///
    /// # Errors
    /// When it has not been built; says how.
    pub fn find() -> Result<Self> {
        Self::named("test")
    }

    /// That of another configuration there.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub fn named(configuration: &str) -> Result<Self> {
        let folder = made(&format!("{configuration}/netboot"))?;
        let command_line = folder.join("command-line");
        let command_line = std::fs::read_to_string(&command_line)
            .with_context(|| format!("cannot read {}", command_line.display()))?;
        Ok(Self {
            folder,
            command_line: command_line.trim().to_owned(),
        })
    }

    /// One of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A machine with its kernel and initrd, and nothing that has a root.squashfs.
    ///
    /// It has one processor: tests run in pairs, and QEMU 10.0 may abort (`iotlb_to_section`) when one
    /// emulated processor uses what another one is just giving an address.
    pub fn bare(&self, name: &str) -> Builder {
        Machine::builder(name, self.file("kernel"), self.file("initrd"))
            .append(&self.command_line)
            .cpus(1)
            .memory_mib(1024)
    }

    /// A machine with root.squashfs as its first disk.
    pub fn machine(&self, name: &str) -> Builder {
        let root = Disk::read_only(self.file("root.squashfs"), "root");
        self.bare(name).disk(root)
    }

    /// A machine that resumes from a saved state; see [`crate::state`]. All have the same memory, as much as
    /// the largest of the tests needs, so that they have one state: what a machine does not touch costs
    /// nothing.
    pub fn resumable(&self, name: &str) -> Builder {
        self.machine(name).memory_mib(3072).slots()
    }

    /// The directory for the saved states of this image.
    pub(crate) fn states(&self) -> PathBuf {
        self.folder.with_file_name("saved")
    }
}

/// Turns a machine on and waits for its shell.
///
/// # Errors
/// When it does not come up in time.
pub fn booted(builder: Builder) -> Result<Machine> {
    let mut machine = builder.build()?;
    machine.start()?;
    machine.wait_for_boot(BOOT)?;
    Ok(machine)
}

/// Turns a machine on and waits until [`services`] are there.
///
/// # Errors
/// When it does not come up in time.
pub fn up(builder: Builder) -> Result<Machine> {
    let mut machine = booted(builder)?;
    services(&mut machine)?;
    Ok(machine)
}

/// Waits until osctld answers and all devices are known.
///
/// # Errors
/// When they are not in time.
pub fn services(machine: &mut Machine) -> Result<()> {
    machine.wait_until_succeeds("osctl ping", SERVICES)?;
    machine.wait_for_service("udev-trigger", SERVICES)?;
    Ok(())
}
