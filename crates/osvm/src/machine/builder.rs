//! Putting a machine together.

use std::path::{Path, PathBuf};

use super::{Machine, Power};
use crate::console::Console;
use crate::qemu::{self, Hardware, Places};
use crate::{Accel, Disk, Nic, VmError};

/// A machine in the making.
#[derive(Debug)]
pub struct Builder {
    name: String,
    kernel: PathBuf,
    initrd: PathBuf,
    memory_mib: u32,
    cpus: u32,
    append: Vec<String>,
    from_network: bool,
    serial: bool,
    disks: Vec<Disk>,
    new_disks: Vec<(String, u64)>,
    nics: Vec<Nic>,
    state: PathBuf,
}

impl Machine {
    /// Begins a machine of 512 MiB and one processor, without disks and network.
    ///
    /// The name is part of paths and shown in errors: letters, digits, `-`.
    pub fn builder(name: &str, kernel: impl AsRef<Path>, initrd: impl AsRef<Path>) -> Builder {
        Builder {
            name: name.to_owned(),
            kernel: kernel.as_ref().to_owned(),
            initrd: initrd.as_ref().to_owned(),
            memory_mib: 512,
            cpus: 1,
            append: Vec::new(),
            from_network: false,
            serial: true,
            disks: Vec::new(),
            new_disks: Vec::new(),
            nics: Vec::new(),
            state: std::env::temp_dir(),
        }
    }
}

impl Builder {
    /// Sets its memory.
    #[must_use]
    pub fn memory_mib(mut self, memory: u32) -> Self {
        self.memory_mib = memory;
        self
    }

    /// Sets the number of processors.
    #[must_use]
    pub fn cpus(mut self, cpus: u32) -> Self {
        self.cpus = cpus;
        self
    }

    /// Adds to the kernel's command line, which begins with `console=ttyS0`.
    #[must_use]
    pub fn append(mut self, parameters: &str) -> Self {
        self.append.push(parameters.to_owned());
        self
    }

    /// Lets the firmware load everything over the first card, by DHCP and iPXE. Kernel, initrd and command
    /// line of this builder are not used, nor are the parameters of a start.
    #[must_use]
    pub fn from_network(mut self) -> Self {
        self.from_network = true;
        self
    }

    /// Leaves out the serial line, which the kernel is told to have its console on all the same: there
    /// will be no log of the console.
    #[must_use]
    pub fn without_console(mut self) -> Self {
        self.serial = false;
        self
    }

    /// Adds a disk.
    #[must_use]
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disks.push(disk);
        self
    }

    /// Adds an empty disk of that many bytes, after those of [`Self::disk`]; it goes with the machine.
    #[must_use]
    pub fn new_disk(mut self, serial: &str, size: u64) -> Self {
        self.new_disks.push((serial.to_owned(), size));
        self
    }

    /// Adds a network card.
    #[must_use]
    pub fn nic(mut self, nic: Nic) -> Self {
        self.nics.push(nic);
        self
    }

    /// Sets where its folder is made; the host's folder for temporary files if not given. The path
    /// of a socket has at most 108 bytes, so keep it short.
    #[must_use]
    pub fn state_in(mut self, folder: impl AsRef<Path>) -> Self {
        folder.as_ref().clone_into(&mut self.state);
        self
    }

    /// Makes the machine; it is off.
    ///
    /// *Errors*: [`VmError::ProgramMissing`] without QEMU, [`VmError::File`] if a part is missing.
    /// *Blocking*: see [`Accel::choose`].
    pub fn build(self) -> Result<Machine, VmError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Err(VmError::Setting {
                name: "machine name",
                value: self.name,
                takes: "letters, digits and -",
            });
        }
        let parts = [&self.kernel, &self.initrd];
        for part in parts
            .into_iter()
            .chain(self.disks.iter().map(|disk| &disk.file))
        {
            part.metadata().map_err(VmError::file("find", part))?;
        }
        let qemu = qemu::program()?;
        let accel = Accel::choose(&qemu, &self.kernel)?;
        let dir = tempfile::Builder::new()
            .prefix(&format!("osvm-{}-", self.name))
            .tempdir_in(&self.state)
            .map_err(VmError::file("make a folder in", &self.state))?;
        let mut disks = self.disks;
        for (serial, size) in self.new_disks {
            let file = dir.path().join(format!("{serial}.disk"));
            disks.push(Disk::create(file, &serial, size)?);
        }
        let places = Places::in_folder(dir.path());
        Ok(Machine {
            hardware: Hardware {
                name: self.name,
                memory_mib: self.memory_mib,
                cpus: self.cpus,
                kernel: self.kernel,
                initrd: self.initrd,
                append: self.append.join(" "),
                from_network: self.from_network,
                serial: self.serial,
                disks,
                cards: self.nics.into_iter().map(Nic::plug).collect(),
            },
            qemu,
            accel,
            dir,
            console: Console::new(places.console.clone()),
            places,
            power: Power::Off,
            has_failed: false,
        })
    }
}
