//! The command line of QEMU for a machine.

use std::path::{Path, PathBuf};

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
}

/// The folder of a machine: sockets and logs.
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
    // What has no use here would only be probed for.
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
    for (number, disk) in hardware.disks.iter().enumerate() {
        args.disk(number, disk);
    }
    for (number, card) in hardware.cards.iter().enumerate() {
        let boots = hardware.from_network && number == 0;
        args.card(number, card, &hardware.name, boots);
    }
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

    fn disk(&mut self, number: usize, disk: &Disk) {
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
        let device = format!("virtio-blk-pci,drive=disk{number},serial={serial}");
        self.add("-device", device);
    }

    fn card(&mut self, number: usize, card: &Card, machine: &str, boots: bool) {
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
        let address = hardware_address(machine, number);
        // The boot program of a card, iPXE, costs time.
        let boot = if boots { "bootindex=0" } else { "romfile=" };
        self.add(
            "-device",
            format!("virtio-net-pci,id=card{number},netdev=net{number},mac={address},{boot}"),
        );
    }
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
