//! A machine: what it is made of, and what is known of it while it runs.

use std::io::PipeWriter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use os_sys::{Child, Signal};
use tempfile::TempDir;

use crate::console::Console;
use crate::network::hardware_address;
use crate::qemu::{Hardware, Places};
use crate::shell::{Fault, Shell};
use crate::{Accel, Disk, Evidence, VmError};

mod builder;
mod commands;
mod files;
mod power;
mod resume;
mod waits;

pub use self::builder::Builder;
pub use self::commands::Output;

/// How long QEMU may take to do what needs nothing of the guest.
const QEMU_PATIENCE: Duration = Duration::from_secs(20);

/// What the kernel says at its end.
const PANIC: &str = "Kernel panic - not syncing";

/// A machine, on or off. It is turned off when dropped.
///
/// Its methods change what is known of it (whether the shell answers), so they want it alone: two
/// machines may be driven from two threads, one machine may not.
#[derive(Debug)]
pub struct Machine {
    hardware: Hardware,
    qemu: PathBuf,
    accel: Accel,
    dir: TempDir,
    places: Places,
    console: Console,
    power: Power,
    /// Whether an error that points to the logs was handed out.
    has_failed: bool,
}

#[derive(Debug)]
enum Power {
    Off,
    On(Box<Running>),
}

#[derive(Debug)]
struct Running {
    child: Child,
    shell: Shell,
    /// The other end is the input of the serial console.
    keyboard: PipeWriter,
}

impl Machine {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.hardware.name
    }

    /// How it runs.
    pub fn accel(&self) -> Accel {
        self.accel
    }

    /// Its directory on the host; removed with it.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// The hardware address of a card, by its number: `52:54:00:12:ab:ff`.
    pub fn hardware_address(&self, card: usize) -> String {
        hardware_address(self.name(), card)
    }

    /// One of its disks, to put into another machine when this one is off.
    pub fn disk(&self, serial: &str) -> Option<Disk> {
        let mut disks = self.hardware.disks.iter();
        disks.find(|disk| disk.serial == serial).cloned()
    }

    /// Whether QEMU runs.
    pub fn is_running(&self) -> bool {
        match &self.power {
            Power::Off => false,
            Power::On(running) => !has_ended(&running.child),
        }
    }

    fn running(&mut self) -> Result<&mut Running, VmError> {
        let machine = self.hardware.name.clone();
        match &mut self.power {
            Power::On(running) => Ok(running),
            Power::Off => Err(VmError::State {
                machine,
                state: "is off; start() it",
            }),
        }
    }

    /// For an error: the end of the console, which stays from now on.
    fn evidence(&mut self) -> Evidence {
        self.has_failed = true;
        self.console.evidence()
    }

    /// Says in the log of the test what was done and how long it took, to show why it failed
    /// or what makes it slow.
    #[expect(clippy::print_stderr, reason = "the log of a test")]
    fn note(&self, what: &str, began: Instant) {
        let took = began.elapsed().as_secs_f64();
        eprintln!("osvm: {}: {took:.1} s: {what}", self.hardware.name);
    }

    fn timeout(&mut self, what: impl Into<String>, within: Duration) -> VmError {
        VmError::Timeout {
            machine: self.hardware.name.clone(),
            what: what.into(),
            within,
            evidence: Box::new(self.evidence()),
        }
    }

    /// The error for a line that gave no answer.
    fn fault(&mut self, fault: Fault, what: impl Into<String>, within: Duration) -> VmError {
        match fault {
            Fault::Silence if self.is_running() => self.timeout(what, within),
            Fault::Silence | Fault::Closed => self.died(),
            Fault::Broken(source) => VmError::File {
                action: "talk to the shell at",
                path: self.places.shell_in.clone(),
                source,
            },
        }
    }

    /// The error for a machine that ended by itself. Whatever is left of it is cleared away.
    fn died(&mut self) -> VmError {
        let said = std::fs::read_to_string(&self.places.errors).unwrap_or_default();
        let how = match self.clear_away(QEMU_PATIENCE) {
            Ok(Some(status)) => format!("QEMU ended with {status} {}", said.trim()),
            Ok(None) => format!("QEMU closed its line {}", said.trim()),
            Err(error) => return error,
        };
        VmError::MachineDied {
            machine: self.hardware.name.clone(),
            how: how.trim_end().to_owned(),
            evidence: Box::new(self.evidence()),
        }
    }

    /// An error if the machine cannot do anything any more.
    fn expect_alive(&mut self) -> Result<(), VmError> {
        self.running()?;
        if !self.is_running() {
            return Err(self.died());
        }
        if self.console.text()?.contains(PANIC) {
            return Err(VmError::MachineDied {
                machine: self.hardware.name.clone(),
                how: "its kernel panicked".to_owned(),
                evidence: Box::new(self.evidence()),
            });
        }
        Ok(())
    }

    /// Waits for the end of QEMU, for so long, then kills it. Returns how it ended; `None` if it
    /// was off already, or had to be killed.
    fn clear_away(
        &mut self,
        patience: Duration,
    ) -> Result<Option<std::process::ExitStatus>, VmError> {
        let Power::On(mut running) = std::mem::replace(&mut self.power, Power::Off) else {
            return Ok(None);
        };
        if let Some(status) = running.child.wait(patience)? {
            return Ok(Some(status));
        }
        running.child.signal_group(Signal::KILL)?;
        running.child.wait(QEMU_PATIENCE)?;
        Ok(None)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // A failure cannot be reported here; the kernel kills it at the latest when this process ends.
        drop(self.power_cut());
        if self.has_failed || std::thread::panicking() {
            self.dir.disable_cleanup(true);
            remove_what_is_no_log(self.folder());
            say_what_is_kept(self.name(), self.folder());
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "a test that fails has no other place to say it"
)]
fn say_what_is_kept(machine: &str, folder: &Path) {
    eprintln!(
        "osvm: the logs of machine {machine} are in {}",
        folder.display()
    );
}

/// Disks are large.
fn remove_what_is_no_log(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for file in entries.map(|entry| entry.path()) {
        if file.extension().is_none_or(|extension| extension != "log") {
            drop(std::fs::remove_file(file));
        }
    }
}

fn has_ended(child: &Child) -> bool {
    // A pidfd that cannot be polled is none.
    child.pidfd().wait_exit(Duration::ZERO).unwrap_or(true)
}

/// The moment when `patience` is over.
fn after(patience: Duration) -> Instant {
    Instant::now() + patience
}
