//! Putting a machine together.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Machine, Power};
use crate::console::Console;
use crate::qemu::{self, Hardware, Places, SLOTS};
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
    disks: Vec<PlannedDisk>,
    nics: Vec<Nic>,
    on_board: Option<usize>,
    state: PathBuf,
}

#[derive(Debug)]
enum PlannedDisk {
    Given(Disk),
    /// An empty one: serial, and size in bytes.
    New(String, u64),
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
            nics: Vec::new(),
            on_board: None,
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

    /// Leaves out the serial line. The parameters of the kernel name it as the console all the same, so
    /// there is no log of the console.
    #[must_use]
    pub fn without_console(mut self) -> Self {
        self.serial = false;
        self
    }

    /// Adds a disk.
    #[must_use]
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disks.push(PlannedDisk::Given(disk));
        self
    }

    /// Adds an empty disk of that many bytes; it goes with the machine.
    #[must_use]
    pub fn new_disk(mut self, serial: &str, size: u64) -> Self {
        let disk = PlannedDisk::New(serial.to_owned(), size);
        self.disks.push(disk);
        self
    }

    /// Gives it eight slots, which hold the disks that are added from here on, and the cards. Only a
    /// machine with slots can [resume](Machine::resume): what is in the slots is added when it has.
    #[must_use]
    pub fn slots(mut self) -> Self {
        self.on_board = Some(self.disks.len());
        self
    }

    /// Adds a network card.
    #[must_use]
    pub fn nic(mut self, nic: Nic) -> Self {
        self.nics.push(nic);
        self
    }

    /// Sets where its directory is made; the host's directory for temporary files if not given. The path
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
        let given = self.disks.iter().filter_map(|disk| match disk {
            PlannedDisk::Given(disk) => Some(&disk.file),
            PlannedDisk::New(..) => None,
        });
        for part in [&self.kernel, &self.initrd].into_iter().chain(given) {
            part.metadata().map_err(VmError::file("find", part))?;
        }
        let qemu = qemu::program()?;
        let accel = Accel::choose(&qemu, &self.kernel)?;
        let dir = Machine::make_folder(&self.name, &self.state)?;
        let make = |disk| match disk {
            PlannedDisk::Given(disk) => Ok(disk),
            PlannedDisk::New(serial, size) => {
                let file = dir.path().join(format!("{serial}.disk"));
                Disk::create(file, &serial, size)
            }
        };
        let disks = self.disks.into_iter().map(make).collect::<Result<_, _>>();
        let hardware = Hardware {
            name: self.name,
            memory_mib: self.memory_mib,
            cpus: self.cpus,
            kernel: self.kernel,
            initrd: self.initrd,
            append: self.append.join(" "),
            from_network: self.from_network,
            serial: self.serial,
            disks: disks?,
            cards: self.nics.into_iter().map(Nic::plug).collect(),
            on_board: self.on_board,
        };
        if hardware.taken_slots() > SLOTS {
            return Err(VmError::Setting {
                name: "number of disks and cards in slots",
                value: hardware.taken_slots().to_string(),
                takes: "at most 8",
            });
        }
        Ok(Machine::assemble(hardware, qemu, accel, dir))
    }
}

impl Machine {
    pub(super) fn make_folder(name: &str, place: &Path) -> Result<TempDir, VmError> {
        tempfile::Builder::new()
            .prefix(&format!("osvm-{name}-"))
            .tempdir_in(place)
            .map_err(VmError::file("create a directory in", place))
    }

    /// A machine that is off.
    pub(super) fn assemble(hardware: Hardware, qemu: PathBuf, accel: Accel, dir: TempDir) -> Self {
        let places = Places::in_folder(dir.path());
        Self {
            hardware,
            qemu,
            accel,
            dir,
            console: Console::new(places.console.clone()),
            places,
            power: Power::Off,
            has_failed: false,
        }
    }
}
