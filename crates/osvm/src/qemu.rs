//! The command line of QEMU for a machine.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::disk::Access;
use crate::network::{Card, hardware_address};
use crate::{Accel, Disk, VmError, host};

/// What a machine is made of, but for what changes from one start to the next.
#[derive(Debug, Clone)]
pub(crate) struct Hardware {
    pub(crate) name: String,
    pub(crate) memory_mib: u32,
    pub(crate) cpus: u32,
    pub(crate) kernel: PathBuf,
    pub(crate) initrd: PathBuf,
    pub(crate) append: String,
    /// Whether the firmware is to load kernel, initrd and command line from the first card's network.
    pub(crate) from_network: bool,
    /// Whether it has a serial line, which is its console.
    pub(crate) serial: bool,
    pub(crate) disks: Vec<Disk>,
    pub(crate) cards: Vec<Card>,
    /// Number of disks that are on the board, while all others and the cards are in slots; `None` for a
    /// machine without slots.
    pub(crate) on_board: Option<usize>,
}

/// Slots for disks and cards: PCI Express root ports, to which devices can be added while the machine runs.
pub(crate) const SLOTS: usize = 8;

impl Hardware {
    /// The slot of a disk; `None` if it is on the board.
    pub(crate) fn slot_of_disk(&self, number: usize) -> Option<usize> {
        number.checked_sub(self.on_board?)
    }

    /// The slot of a card, behind those of the disks.
    pub(crate) fn slot_of_card(&self, number: usize) -> Option<usize> {
        Some(number + self.disks.len().checked_sub(self.on_board?)?)
    }

    /// Number of slots that are taken.
    pub(crate) fn taken_slots(&self) -> usize {
        self.slot_of_card(self.cards.len()).unwrap_or_default()
    }

    /// The same machine without cards and without the disks of all slots but the first `disks`.
    pub(crate) fn with_slots_taken(&self, disks: usize) -> Self {
        let kept = self.on_board.unwrap_or_default() + disks;
        let mut hardware = self.clone();
        hardware.disks.truncate(kept);
        hardware.cards.clear();
        hardware
    }
}

/// The directory of a machine: sockets and logs.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// A pipe to the root shell.
    pub(crate) shell_in: PathBuf,
    /// A file with what it says.
    pub(crate) shell_out: PathBuf,
    pub(crate) monitor: PathBuf,
    pub(crate) console: PathBuf,
    /// What QEMU itself has to say.
    pub(crate) errors: PathBuf,
}

impl Places {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self {
            shell_in: folder.join("shell.in"),
            shell_out: folder.join("shell.log"),
            monitor: folder.join("monitor"),
            console: folder.join("console.log"),
            errors: folder.join("qemu.log"),
        }
    }
}

/// The program.
pub(crate) fn program() -> Result<PathBuf, VmError> {
    host::find_program("qemu-system-x86_64", "qemu-system-x86")
}

/// Its arguments. `parameters` are added to the kernel's command line.
pub(crate) fn arguments(
    hardware: &Hardware,
    places: &Places,
    accel: Accel,
    parameters: &str,
) -> Vec<String> {
    let mut args = Arguments::default();
    args.add("-name", hardware.name.as_str());
    for pair in accel.arguments().chunks(2) {
        args.0.extend(pair.iter().map(ToString::to_string));
    }
    // Nothing that was not asked for: each device costs time at boot.
    args.flag("-nodefaults");
    args.flag("-no-user-config");
    args.add("-display", "none");
    // Without devices that the kernel would only probe for.
    args.add("-machine", "q35,sata=off,smbus=off,i8042=off");
    args.add("-m", hardware.memory_mib.to_string());
    args.add("-smp", hardware.cpus.to_string());
    if !hardware.from_network {
        args.add("-kernel", hardware.kernel.display().to_string());
        args.add("-initrd", hardware.initrd.display().to_string());
        let append = [
            "console=ttyS0",
            accel.parameters(),
            &hardware.append,
            parameters,
        ];
        args.add("-append", append.join(" ").trim_end());
    }
    args.add("-device", "virtio-rng-pci");
    // The console is QEMU's standard input and output; see console.rs.
    args.add("-chardev", "stdio,id=console,signal=off");
    let serial = if hardware.serial {
        "chardev:console"
    } else {
        "none"
    };
    args.add("-serial", serial);
    let monitor = value(&places.monitor);
    let monitor = format!("socket,id=monitor,path={monitor},server=on,wait=off");
    args.add("-chardev", monitor);
    args.add("-mon", "chardev=monitor,mode=control");
    let (shell_in, shell_out) = (value(&places.shell_in), value(&places.shell_out));
    let shell = format!("file,id=shell,path={shell_out},input-path={shell_in}");
    args.add("-chardev", shell);
    args.add("-device", "virtio-serial-pci");
    args.add("-device", "virtconsole,chardev=shell");
    if hardware.on_board.is_some() {
        args.slots();
    }
    for (number, disk) in hardware.disks.iter().enumerate() {
        args.disk(number, disk, hardware.slot_of_disk(number));
    }
    for number in 0..hardware.cards.len() {
        args.card(number, hardware);
    }
    args.0
}

/// The capability of migration with which a state is saved and loaded: each page of memory has its place in
/// the file, and pages of zeroes are holes. *Source*: QEMU's docs/devel/migration/mapped-ram.rst; since 9.0.
pub(crate) const MAPPED_RAM: &str = "mapped-ram";

/// What is added to the arguments of a machine that begins with a saved state. It waits for `cont`.
pub(crate) fn incoming(memory: &Path) -> Vec<String> {
    let mut args = Arguments::default();
    args.flag("-S");
    args.add("-global", format!("migration.{MAPPED_RAM}=on"));
    args.add("-incoming", format!("file:{}", memory.display()));
    args.0
}

#[derive(Default)]
struct Arguments(Vec<String>);

impl Arguments {
    fn flag(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.extend([name.to_owned(), value.into()]);
    }

    /// The devices of a machine whose state will be saved.
    fn slots(&mut self) {
        for slot in 0..SLOTS {
            let number = slot + 1;
            let port = format!("pcie-root-port,id=slot{slot},chassis={number},slot={number}");
            self.add("-device", port);
        }
        // Tells the kernel that it was resumed, which then seeds its random numbers again: machines that
        // resume from one state would have the same ones.
        self.add("-device", "vmgenid,guid=auto");
    }

    fn disk(&mut self, number: usize, disk: &Disk, slot: Option<usize>) {
        let read_only = match disk.access {
            Access::Read => "on",
            Access::Write => "off",
        };
        // cache=unsafe ignores flushes to the host; see `Disk` for why that is right here.
        self.add(
            "-drive",
            format!(
                "if=none,id=disk{number},format=raw,cache=unsafe,discard=unmap,\
                 readonly={read_only},file={}",
                value(&disk.file)
            ),
        );
        let serial = &disk.serial;
        let bus = slot.map(|slot| format!(",bus=slot{slot}"));
        let bus = bus.unwrap_or_default();
        let device = format!("virtio-blk-pci,drive=disk{number},serial={serial}{bus}");
        self.add("-device", device);
    }

    fn card(&mut self, number: usize, hardware: &Hardware) {
        let Some(card) = hardware.cards.get(number) else {
            return;
        };
        let netdev = match card {
            Card::Port(network, port) => format!(
                "dgram,id=net{number},local.type=unix,local.path={},\
                 remote.type=unix,remote.path={}",
                value(port),
                value(&network.socket())
            ),
            Card::Restricted => format!("user,id=net{number},restrict=on"),
        };
        self.add("-netdev", netdev);
        let address = hardware_address(&hardware.name, number);
        // The boot program of a card, iPXE, costs time.
        let boot = if hardware.from_network && number == 0 {
            "bootindex=0"
        } else {
            "romfile="
        };
        let bus = hardware.slot_of_card(number);
        let bus = bus
            .map(|slot| format!(",bus=slot{slot}"))
            .unwrap_or_default();
        self.add(
            "-device",
            format!("virtio-net-pci,id=card{number},netdev=net{number},mac={address},{boot}{bus}"),
        );
    }
}

/// Adds a disk to a running machine: commands of QMP with their arguments.
pub(crate) fn plug_disk(number: usize, disk: &Disk, slot: usize) -> [(&'static str, Value); 2] {
    let name = format!("disk{number}");
    // The options of `Arguments::disk`.
    let cache = json!({ "direct": false, "no-flush": true });
    let file =
        json!({ "driver": "file", "filename": disk.file, "discard": "unmap", "cache": cache });
    let node = json!({
        "node-name": name, "driver": "raw", "read-only": disk.access == Access::Read,
        "discard": "unmap", "cache": cache, "file": file,
    });
    let device = json!({
        "driver": "virtio-blk-pci", "id": name, "drive": name, "serial": disk.serial,
        "bus": format!("slot{slot}"),
    });
    [("blockdev-add", node), ("device_add", device)]
}

/// Adds a card to a running machine: commands of QMP with their arguments.
pub(crate) fn plug_card(
    number: usize,
    card: &Card,
    machine: &str,
    slot: usize,
) -> [(&'static str, Value); 2] {
    let (name, id) = (format!("net{number}"), format!("card{number}"));
    let netdev = match card {
        Card::Port(network, port) => json!({
            "type": "dgram", "id": name,
            "local": { "type": "unix", "path": port },
            "remote": { "type": "unix", "path": network.socket() },
        }),
        Card::Restricted => json!({ "type": "user", "id": name, "restrict": true }),
    };
    let device = json!({
        "driver": "virtio-net-pci", "id": id, "netdev": name, "romfile": "",
        "mac": hardware_address(machine, number), "bus": format!("slot{slot}"),
    });
    [("netdev_add", netdev), ("device_add", device)]
}

/// A path as the value of an option: a comma is doubled.
fn value(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(hardware: &Hardware, parameters: &str) -> String {
        let places = Places::in_folder(Path::new("/d"));
        arguments(hardware, &places, Accel::Tcg, parameters).join(" ")
    }

    fn hardware() -> Hardware {
        Hardware {
            name: "m".to_owned(),
            memory_mib: 256,
            cpus: 2,
            kernel: "/k".into(),
            initrd: "/i".into(),
            append: "a=1".to_owned(),
            from_network: false,
            serial: true,
            disks: Vec::new(),
            cards: Vec::new(),
            on_board: None,
        }
    }

    #[test]
    fn parameters_follow_those_of_the_machine() {
        let line = line(&hardware(), "b=2");
        assert!(line.contains(" a=1 b=2"), "{line}");
    }

    #[test]
    fn from_the_network_nothing_is_loaded_here() {
        let mut hardware = hardware();
        hardware.from_network = true;
        hardware.cards = vec![Card::Restricted, Card::Restricted];
        let line = line(&hardware, "b=2");
        for part in ["-kernel", "-initrd", "-append", "b=2"] {
            assert!(!line.contains(part), "{part}: {line}");
        }
        assert_eq!(line.matches("bootindex=0").count(), 1, "{line}");
        assert_eq!(line.matches("romfile=").count(), 1, "{line}");
    }

    #[test]
    fn what_is_not_on_the_board_is_in_slots() {
        let mut hardware = hardware();
        hardware.on_board = Some(1);
        let disk = |serial: &str| Disk::writable("/d", serial);
        hardware.disks = vec![disk("root"), disk("a"), disk("b")];
        hardware.cards = vec![Card::Restricted];
        assert_eq!(hardware.taken_slots(), 3);
        let all = line(&hardware, "");
        for part in [
            "drive=disk0,serial=root -drive",
            "drive=disk1,serial=a,bus=slot0",
            "drive=disk2,serial=b,bus=slot1",
            "romfile=,bus=slot2",
            "pcie-root-port,id=slot7,chassis=8,slot=8",
        ] {
            assert!(all.contains(part), "{part}: {all}");
        }
        let saved = line(&hardware.with_slots_taken(1), "");
        assert!(
            saved.contains("disk1") && !saved.contains("disk2"),
            "{saved}"
        );
        assert!(!saved.contains("card0"), "{saved}");
    }

    #[test]
    fn disks_and_cards() {
        let mut hardware = hardware();
        hardware.disks = vec![
            Disk::read_only("/root,1.squashfs", "root"),
            Disk::writable("/t", "tank"),
        ];
        hardware.cards = vec![Card::Restricted];
        let line = line(&hardware, "");
        for part in [
            "readonly=on,file=/root,,1.squashfs",
            "readonly=off,file=/t",
            "virtio-blk-pci,drive=disk1,serial=tank",
            "user,id=net0,restrict=on",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}
