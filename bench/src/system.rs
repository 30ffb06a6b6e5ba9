//! The operating system in a virtual machine: how large it is, how fast it is there, what it takes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use osvm::{Accel, Deadline, Disk, Machine};

use crate::budget::Verdict;
use crate::report::Report;
use crate::say;
use crate::series::Series;
use crate::table::Table;

/// The machine that is measured: the kernel for virtual machines, and a root shell for the driver.
pub(crate) const MACHINE: &str = "cloud-amd64";

/// The machine of `make netboot`, of which only the sizes are measured.
pub(crate) const HARDWARE: &str = "amd64";

/// The packages and ZFS, as they are fetched and mounted.
pub(crate) const ROOT: &str = "root.squashfs";

/// What an idle host uses.
pub(crate) const USED: &str = "memory in use, idle, 0 containers";

/// From power.
pub(crate) const ANSWERED: &str = "from power to osctl ping answered";

/// A boot that takes longer is none.
const BOOT: Deadline = Deadline::Scaled(Duration::from_mins(2));

/// A command that has to wait for nothing.
const COMMAND: Deadline = Deadline::Scaled(Duration::from_secs(30));

/// The memory of a machine; the more there is the more is used for buffers.
const MEMORY_MIB: u32 = 1024;

/// Measures everything; `boots` is the number of boots.
pub(crate) fn measure(report: &mut Report, boots: u32) -> anyhow::Result<()> {
    let table = &mut report.system;
    let folder = images("bench")?;
    ensure!(
        folder.is_dir(),
        "there is no {}; make it: os/build -c os/configurations/test.nix -o target/os/bench netboot",
        folder.display()
    );
    sizes(table, MACHINE, &folder)?;
    let hardware = images("netboot")?;
    if hardware.is_dir() {
        sizes(table, HARDWARE, &hardware)?;
    } else {
        let note = format!("{HARDWARE}: not measured, since there is none; make it: make netboot");
        report.notes.push(note);
    }
    let boots = boots.max(1);
    let mut answered = Series::default();
    for number in 1..=boots {
        say(&format!("bench: boot {number} of {boots}"))?;
        let last = number == boots;
        answered.push(boot(&folder, table, last)?);
    }
    table.time(ANSWERED, MACHINE, &answered);
    report.verdicts.extend(Verdict::of_system(&report.system));
    Ok(())
}

/// Where `os/build` leaves the images of a configuration.
fn images(configuration: &str) -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).context("no target directory")?;
    Ok(target.join("os").join(configuration).join("netboot"))
}

fn sizes(table: &mut Table, column: &str, folder: &Path) -> anyhow::Result<()> {
    for name in ["kernel", "initrd", ROOT] {
        let path = folder.join(name);
        let size = path.metadata();
        let size = size.with_context(|| format!("there is no {}", path.display()))?;
        table.bytes(name, column, size.len());
    }
    Ok(())
}

/// From power to an answer of osctld; `looked_at` machines are measured afterwards.
fn boot(folder: &Path, table: &mut Table, looked_at: bool) -> anyhow::Result<Duration> {
    let append = std::fs::read_to_string(folder.join("command-line"))?;
    let mut vm = Machine::builder("bench", folder.join("kernel"), folder.join("initrd"))
        .append(append.trim())
        .cpus(2)
        .memory_mib(MEMORY_MIB)
        .disk(Disk::read_only(folder.join(ROOT), "root"))
        .build()?;
    let power = Instant::now();
    vm.start()?;
    vm.wait_for_boot(BOOT)?;
    // One command that waits inside: each that goes in from here takes time of the machine.
    vm.succeeds_within("until osctl ping; do sleep 0.1; done", BOOT)?;
    let took = power.elapsed();
    if looked_at {
        let kvm = vm.accel() == Accel::Kvm;
        say(if kvm {
            "bench: under KVM"
        } else {
            "bench: under TCG"
        })?;
        inside(&mut vm, table)?;
    }
    vm.power_cut()?;
    Ok(took)
}

/// What only the machine knows.
fn inside(vm: &mut Machine, table: &mut Table) -> anyhow::Result<()> {
    let mut ask = |command: &str| -> anyhow::Result<u64> {
        let output = vm.succeeds_within(command, COMMAND)?;
        let figure = output.trim().parse();
        figure.with_context(|| format!("{command}: {output}"))
    };
    let layer = ask("stat -c %s /run/layers/system.squashfs")?;
    table.bytes("system layer, in the initrd", MACHINE, layer);
    let used = settled(|| {
        ask(
            "awk '/^MemTotal/ { t = $2 } /^MemAvailable/ { a = $2 } END { print (t - a) * 1024 }' /proc/meminfo",
        )
    })?;
    table.bytes(USED, MACHINE, used);
    for program in ["osctld", "lxcfs"] {
        let resident = ask(&format!("ps -o rss= -C {program} | head -n 1"))? * 1024;
        table.bytes(&format!("{program}, resident"), MACHINE, resident);
    }
    let total = ask("awk '/^MemTotal/ { print $2 * 1024 }' /proc/meminfo")?;
    table.bytes("memory that the kernel leaves", MACHINE, total);
    Ok(())
}

/// A figure that has come to rest: the first that two seconds change by less than a megabyte. After a
/// minute, the last one.
fn settled(mut figure: impl FnMut() -> anyhow::Result<u64>) -> anyhow::Result<u64> {
    let mut before = figure()?;
    for _ in 0..30 {
        std::thread::sleep(Duration::from_secs(2));
        let now = figure()?;
        if now.abs_diff(before) < 1 << 20 {
            return Ok(now);
        }
        before = now;
    }
    Ok(before)
}
