//! On, off, and what else can happen to the hardware.

use std::fs::File;
use std::time::{Duration, Instant};

use os_sys::{Signal, SpawnRequest};
use serde_json::{Value, json};

use super::{Machine, Power, QEMU_PATIENCE, Running, after};
use crate::shell::Shell;
use crate::{Deadline, VmError, host, monitor, qemu};

/// The kernel makes a new one at each boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

impl Machine {
    /// Turns it on. It boots from here on; see [`Self::wait_for_boot`].
    ///
    /// *Errors*: [`VmError::State`] if it is on; [`VmError::MachineDied`] with what QEMU says if it
    /// does not take its arguments (a disk that another machine has, among others).
    pub fn start(&mut self) -> Result<(), VmError> {
        self.start_with(&[])
    }

    /// Turns it on with more parameters for the kernel, this once.
    pub fn start_with(&mut self, parameters: &[&str]) -> Result<(), VmError> {
        self.expect_off()?;
        let parameters = parameters.join(" ");
        let arguments = qemu::arguments(&self.hardware, &self.places, self.accel, &parameters);
        self.launch(arguments)
    }

    pub(super) fn expect_off(&mut self) -> Result<(), VmError> {
        if self.is_running() {
            return Err(VmError::State {
                machine: self.name().to_owned(),
                state: "is on already",
            });
        }
        self.clear_away(QEMU_PATIENCE).map(drop)
    }

    /// Starts QEMU and waits until it has made the machine.
    pub(super) fn launch(&mut self, arguments: Vec<String>) -> Result<(), VmError> {
        let log = self.console.turn_on()?;
        let errors = &self.places.errors;
        let errors = File::create(errors).map_err(VmError::file("make", errors))?;
        let pipe = std::io::pipe().map_err(VmError::file("make pipe for", &self.places.console));
        let (input, keyboard) = pipe?;
        let request = SpawnRequest::new(&self.qemu)
            .args(arguments)
            .stdin(input)
            .stdout(log)
            .stderr(errors);
        let (shell_in, shell_out) = (&self.places.shell_in, &self.places.shell_out);
        host::make_pipe(shell_in)?;
        let mut child = host::spawn_bound(request).map_err(|source| VmError::Start {
            machine: self.hardware.name.clone(),
            source,
        })?;
        let connected = os_sys::patience::until(QEMU_PATIENCE, || {
            let shell = Shell::connect(shell_in, shell_out).ok();
            let ended = shell.is_none() && child.pidfd().wait_exit(Duration::ZERO)?;
            Ok::<_, VmError>(if ended { Some(None) } else { shell.map(Some) })
        })?;
        // The line is there before QEMU has opened the disks; its monitor answers when all is made.
        let is_made = || monitor::command(&self.places.monitor, "query-status", &json!({})).is_ok();
        let Some(shell) = connected.flatten().filter(|_| is_made()) else {
            child.signal_group(Signal::KILL)?;
            let status = child.wait(QEMU_PATIENCE)?;
            return Err(self.did_not_start(status));
        };
        self.power = Power::On(Box::new(Running {
            child,
            shell,
            keyboard,
        }));
        Ok(())
    }

    fn did_not_start(&mut self, status: Option<std::process::ExitStatus>) -> VmError {
        let said = std::fs::read_to_string(&self.places.errors).unwrap_or_default();
        let status = status.map_or_else(|| "no status".to_owned(), |status| status.to_string());
        VmError::MachineDied {
            machine: self.name().to_owned(),
            how: format!("QEMU ended with {status}: {}", said.trim()),
            evidence: Box::new(self.evidence()),
        }
    }

    /// Turns it off as a power cut does: in the middle of whatever it does. What it had written to
    /// its disks is there, what it had not is lost. Does nothing to a machine that is off.
    pub fn power_cut(&mut self) -> Result<(), VmError> {
        if let Power::On(running) = &self.power {
            running.child.signal_group(Signal::KILL)?;
        }
        self.clear_away(QEMU_PATIENCE).map(drop)
    }

    /// Runs a command that shuts it down (`poweroff -f`) and waits until it is off.
    pub fn shut_down(
        &mut self,
        command: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<(), VmError> {
        let patience = deadline.into().on(self.accel());
        let until = after(patience);
        self.send_last(command, patience)?;
        self.wait_for_end(
            until.saturating_duration_since(after(Duration::ZERO)),
            patience,
        )
    }

    /// Waits until it is off, having turned itself off.
    pub fn wait_for_shutdown(&mut self, deadline: impl Into<Deadline>) -> Result<(), VmError> {
        let patience = deadline.into().on(self.accel());
        self.wait_for_end(patience, patience)
    }

    /// Runs a command that reboots it (`reboot -f`), and waits for the shell of the next boot. QEMU
    /// stays the same, and so does the console.
    pub fn reboot(&mut self, command: &str, deadline: impl Into<Deadline>) -> Result<(), VmError> {
        let patience = deadline.into().on(self.accel());
        let before = self.succeeds(&format!("cat {BOOT_ID}"))?;
        let until = after(patience);
        self.send_last(command, patience)?;
        // The old system may answer until it goes down, and may take a question with it.
        let soon = Deadline::Scaled(Duration::from_secs(3));
        let rebooted = os_sys::patience::until(patience, || {
            self.running()?.shell.forget();
            let asked = self.execute_once(&format!("cat {BOOT_ID}"), soon);
            match asked {
                Ok(output) => Ok((output.status == 0 && output.text() != before).then_some(())),
                Err(VmError::Timeout { .. }) => self.expect_alive().map(|()| None),
                Err(error) => Err(error),
            }
        })?;
        let left = until.saturating_duration_since(after(Duration::ZERO));
        match rebooted {
            Some(()) => self.wait_for_boot(Deadline::Exact(left.max(QEMU_PATIENCE))),
            None => Err(self.timeout(format!("`{command}` should reboot it"), patience)),
        }
    }

    /// Stops its processors: it is there, and does not answer.
    pub fn freeze(&mut self) -> Result<(), VmError> {
        self.monitor("stop", &json!({}))
    }

    /// Lets its processors go on.
    pub fn thaw(&mut self) -> Result<(), VmError> {
        self.monitor("cont", &json!({}))
    }

    /// Pulls the cable out of a card, by its number.
    pub fn unplug_cable(&mut self, card: usize) -> Result<(), VmError> {
        self.set_link(card, "off")
    }

    /// Puts the cable back into a card.
    pub fn plug_cable(&mut self, card: usize) -> Result<(), VmError> {
        self.set_link(card, "on")
    }

    fn set_link(&mut self, card: usize, state: &str) -> Result<(), VmError> {
        let up = state == "on";
        self.monitor(
            "set_link",
            &json!({ "name": format!("card{card}"), "up": up }),
        )
    }

    pub(super) fn monitor(&mut self, command: &str, arguments: &Value) -> Result<(), VmError> {
        self.ask_monitor(command, arguments).map(drop)
    }

    /// Sends a command of QMP; returns what QEMU answers.
    pub(super) fn ask_monitor(
        &mut self,
        command: &str,
        arguments: &Value,
    ) -> Result<Value, VmError> {
        self.running()?;
        let socket = &self.places.monitor;
        let answer = monitor::command(socket, command, arguments);
        let answer = answer.map_err(VmError::file("talk to the monitor at", socket))?;
        match answer.get("error") {
            None => Ok(answer.get("return").cloned().unwrap_or_default()),
            Some(error) => Err(VmError::Monitor {
                machine: self.name().to_owned(),
                command: command.to_owned(),
                answer: error.to_string(),
            }),
        }
    }

    fn send_last(&mut self, command: &str, patience: Duration) -> Result<(), VmError> {
        let sent = self.running()?.shell.send_last(command, after(patience));
        let what = || format!("the shell should take `{command}`");
        sent.map_err(|fault| self.fault(fault, what(), patience))
    }

    fn wait_for_end(&mut self, left: Duration, patience: Duration) -> Result<(), VmError> {
        let began = Instant::now();
        let ended = self.running()?.child.wait(left)?;
        self.note("off", began);
        match ended {
            Some(status) if status.success() => {
                self.power = Power::Off;
                Ok(())
            }
            Some(_) => Err(self.died()),
            None => Err(self.timeout("it should turn itself off", patience)),
        }
    }
}
