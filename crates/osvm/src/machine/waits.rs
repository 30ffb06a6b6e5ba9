//! Waiting for what tests wait for again and again.

use std::io::Write;
use std::time::{Duration, Instant};

use super::files::quote;
use super::{Machine, PANIC, after};
use crate::shell::Fault;
use crate::{Deadline, VmError};

/// How often a boot is checked for its death.
const LOOK: Duration = Duration::from_secs(2);

impl Machine {
    /// Waits until the root shell answers.
    ///
    /// *Errors*: [`VmError::MachineDied`] also for a kernel that panicked.
    pub fn wait_for_boot(&mut self, deadline: impl Into<Deadline>) -> Result<(), VmError> {
        let patience = deadline.into().on(self.accel());
        let began = Instant::now();
        let until = began + patience;
        loop {
            let soon = until.min(after(LOOK));
            match self.running()?.shell.greet(soon) {
                Ok(()) => {
                    self.note("boot", began);
                    return Ok(());
                }
                Err(Fault::Silence) if soon < until => self.expect_alive()?,
                Err(fault) => {
                    let what = "the root shell should answer on hvc0";
                    return Err(self.fault(fault, what, patience));
                }
            }
        }
    }

    /// All that the console said since the machine was last turned on.
    pub fn console(&self) -> Result<String, VmError> {
        self.console.text()
    }

    /// Waits until the console has said this text since the machine was last turned on.
    pub fn wait_for_console(
        &mut self,
        text: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<(), VmError> {
        self.wait_for_console_times(text, 1, deadline)
    }

    /// Waits until the console has printed this text the given number of times since the machine was
    /// last turned on. The kernel prints `Linux version` once per boot, unless it is quiet.
    pub fn wait_for_console_times(
        &mut self,
        text: &str,
        times: usize,
        deadline: impl Into<Deadline>,
    ) -> Result<(), VmError> {
        let patience = deadline.into().on(self.accel());
        let began = Instant::now();
        let found = os_sys::patience::until(patience, || {
            // Alive first: what a machine says last is there when it is known to be dead.
            let alive = if text.contains(PANIC) {
                Ok(())
            } else {
                self.expect_alive()
            };
            let said = self.console.text()?.matches(text).count() >= times;
            if said {
                Ok(Some(()))
            } else {
                alive.map(|()| None)
            }
        })?;
        self.note(&format!("the console: {text}"), began);
        found.ok_or_else(|| {
            let what = format!("the console should say {text:?} {times} times");
            self.timeout(what, patience)
        })
    }

    /// Types into the serial console.
    pub fn console_send(&mut self, bytes: &[u8]) -> Result<(), VmError> {
        let console = self.places.console.clone();
        let keyboard = &mut self.running()?.keyboard;
        let sent = keyboard.write_all(bytes);
        sent.map_err(VmError::file("type into the console of", &console))
    }

    /// Waits until a service of runit runs, or, if it is one that runs once, is done.
    pub fn wait_for_service(
        &mut self,
        name: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<(), VmError> {
        let (done, service) = (
            quote(&format!("/run/service/{name}/done")),
            quote(&format!("/service/{name}")),
        );
        let command = format!(
            "if [ -e {service}/oneshot ]; then [ -e {done} ]; else sv -w 1 check {service}; fi"
        );
        self.wait_until_succeeds(&command, deadline).map(drop)
    }

    /// Waits until a ZFS pool is imported and whole.
    pub fn wait_for_zpool(
        &mut self,
        name: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<(), VmError> {
        let name = quote(name);
        let command = format!("zpool list -H -o health {name} | grep -x ONLINE");
        self.wait_until_succeeds(&command, deadline).map(drop)
    }
}
