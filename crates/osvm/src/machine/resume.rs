//! Going on from a saved state instead of booting.
//!
//! ```text
//!   resume ──> the state of this key is there? ──no──> make it: boot (or resume its base), steps, save
//!                │ yes                                    │
//!                v                                        │
//!   load, let go, greet, clock, plug disks and cards <────┘
//!                │ does not load, does not answer: removed, and made again, once; then it boots
//!                v
//!            answering
//! ```
//!
//! What machines that resume from one state would have in common, and what becomes of it:
//!
//! - Time: the clock is set to that of the host as soon as the shell answers.
//! - Random numbers: the kernel seeds them again when it sees another generation id (`vmgenid`).
//! - Hardware addresses: a state has no cards. They are plugged in, each with an address of its own.
//! - Disks: those that a recipe writes to are copied for each machine, all others are plugged in.
//! - `boot_id`, ssh host keys and whatever else was made up at the boot stay those of the saved machine. A
//!   test that needs a new boot calls [`Machine::start`].
//!
//! `OSVM_RESUME=no` boots instead and runs the steps of the recipe: whether a failure has to do with saved
//! states is then known.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::files::quote;
use super::{Machine, QEMU_PATIENCE};
use crate::network::hardware_address;
use crate::recipe::Step;
use crate::saved::{self, Key, SavedState, Store};
use crate::{Accel, Deadline, Recipe, VmError, host, qemu};

/// To load some hundred megabytes of memory.
const LOAD: Deadline = Deadline::Scaled(Duration::from_secs(10));

/// To write them.
const SAVE: Deadline = Deadline::Scaled(Duration::from_secs(15));

/// Until the shell of a state that is all right answers.
const AWAKE: Deadline = Deadline::Scaled(Duration::from_secs(10));

/// A file of the guest that tells a machine which was resumed from one that fell over its damaged memory and
/// has booted.
const MARK: &str = "/dev/.osvm/state";

/// The first release of QEMU that knows [`qemu::MAPPED_RAM`].
const OLDEST_QEMU: u32 = 9;

impl Machine {
    /// Turns it on as the recipe leaves a machine, from a state in the directory `states`. The state is made
    /// first if there is none for this QEMU, image, hardware and recipe, and made again if it does not work.
    ///
    /// `states` belongs to the image: states of another kernel or initrd are removed from it.
    /// *Errors*: [`VmError::State`] if it is on or has no [slots](crate::Builder::slots); those of a boot
    /// and of commands if a state is made. *Blocking*: as long as another process makes the state.
    pub fn resume(&mut self, states: impl AsRef<Path>, recipe: &Recipe) -> Result<(), VmError> {
        self.expect_off()?;
        if self.hardware.on_board.is_none() {
            return Err(VmError::State {
                machine: self.name().to_owned(),
                state: "has no slots; call Builder::slots() to resume it",
            });
        }
        let version = host::version_of(&self.qemu)?;
        if !can_save(&version) || std::env::var_os("OSVM_RESUME").is_some_and(|is| is == "no") {
            return self.boot_and_prepare(recipe);
        }
        let began = Instant::now();
        let store = Store::open(states.as_ref())?;
        let key = self.key(recipe, &version)?;
        let has_failed = self.has_failed;
        for _ in 0..2 {
            let Some(state) = self.found_or_made(&store, recipe, &key)? else {
                break;
            };
            match self.load(&state, recipe) {
                Ok(()) => {
                    self.plug_in(recipe)?;
                    self.note(&format!("resumed: {}", recipe.name()), began);
                    return Ok(());
                }
                Err(error) => self.discard(&store, recipe, &state, &error)?,
            }
            // The state was at fault, not the machine.
            self.has_failed = has_failed;
        }
        self.boot_and_prepare(recipe)
    }

    /// What does not need a saved state, and ends as one.
    fn boot_and_prepare(&mut self, recipe: &Recipe) -> Result<(), VmError> {
        self.start()?;
        self.wait_for_boot(recipe.boot())?;
        self.prepare(recipe)
    }

    /// The steps of the recipe and of those that it begins with.
    fn prepare(&mut self, recipe: &Recipe) -> Result<(), VmError> {
        if let Some(base) = recipe.base() {
            self.prepare(base)?;
        }
        self.run_steps(recipe.steps())
    }

    fn run_steps(&mut self, steps: &[Step]) -> Result<(), VmError> {
        for step in steps {
            if step.is_repeated {
                self.wait_until_succeeds(&step.command, step.deadline)?;
            } else {
                self.succeeds_within(&step.command, step.deadline)?;
            }
        }
        Ok(())
    }

    /// What a state has to be of for this machine.
    fn key(&self, recipe: &Recipe, version: &str) -> Result<Key, VmError> {
        let mut hardware = self.hardware.with_slots_taken(recipe.saved_disks());
        "saved".clone_into(&mut hardware.name);
        let slots = hardware.on_board.unwrap_or_default()..;
        let mut platform = format!("qemu {version}\n");
        let mut files = vec![
            self.qemu.clone(),
            hardware.kernel.clone(),
            hardware.initrd.clone(),
        ];
        for (number, disk) in hardware.disks.iter_mut().enumerate() {
            if slots.contains(&number) {
                disk.file = format!("disk{number}").into();
            } else {
                files.push(disk.file.clone());
            }
        }
        for file in files {
            writeln!(platform, "file {}", identity_of(&file)?).expect("a string takes all");
        }
        if self.accel == Accel::Kvm {
            platform.push_str(&processor());
        }
        let places = qemu::Places::in_folder(Path::new("."));
        let arguments = qemu::arguments(&hardware, &places, self.accel, "");
        let details = format!("arguments {arguments:?}\n{}", recipe.text());
        Ok(Key { platform, details })
    }

    /// `None` if saved states do not work here.
    fn found_or_made(
        &mut self,
        store: &Store,
        recipe: &Recipe,
        key: &Key,
    ) -> Result<Option<SavedState>, VmError> {
        if let Some(state) = store.find(recipe.name(), key) {
            return Ok(Some(state));
        }
        // Another process may be making it.
        let Some(_lock) = store.lock(recipe.name(), self.time_of(recipe))? else {
            self.remark("another process makes the state for too long; booting");
            return Ok(None);
        };
        if let Some(state) = store.find(recipe.name(), key) {
            return Ok(Some(state));
        }
        self.make_state(store, recipe, key)
    }

    /// How long it may take to make a state.
    fn time_of(&self, recipe: &Recipe) -> Duration {
        let steps = recipe
            .steps()
            .iter()
            .map(|step| step.deadline.on(self.accel));
        let before = match recipe.base() {
            Some(base) => self.time_of(base),
            None => recipe.boot().on(self.accel),
        };
        before + steps.sum::<Duration>() + SAVE.on(self.accel)
    }

    /// Makes a state with another machine like this one. The lock of its name has to be held.
    fn make_state(
        &mut self,
        store: &Store,
        recipe: &Recipe,
        key: &Key,
    ) -> Result<Option<SavedState>, VmError> {
        let began = Instant::now();
        let mut maker = self.maker(recipe)?;
        if let Some(base) = recipe.base() {
            maker.resume(store.folder(), base)?;
        } else {
            maker.start()?;
            maker.wait_for_boot(recipe.boot())?;
        }
        maker.run_steps(recipe.steps())?;
        let made = store.scratch()?;
        let saved = maker.save(recipe, made.path());
        let saved = saved.and_then(|()| store.publish(recipe.name(), key, made));
        self.note(&format!("made the state: {}", recipe.name()), began);
        match saved {
            Ok(state) => Ok(Some(state)),
            Err(error) => {
                self.remark(&format!("cannot save a state, booting: {error}"));
                Ok(None)
            }
        }
    }

    /// A machine like this one, off, with empty disks in the slots that the recipe writes to.
    fn maker(&self, recipe: &Recipe) -> Result<Self, VmError> {
        let name = format!("{}-{}", self.name(), recipe.name());
        let place = self.folder().parent().unwrap_or_else(|| self.folder());
        let dir = Self::make_folder(&name, place)?;
        let mut hardware = self.hardware.with_slots_taken(recipe.saved_disks());
        let on_board = hardware.on_board.unwrap_or_default();
        for disk in hardware.disks.iter_mut().skip(on_board) {
            let size = fs::metadata(&disk.file).map_err(VmError::file("find", &disk.file))?;
            let file = dir.path().join(format!("{}.disk", disk.serial));
            *disk = crate::Disk::create(file, &disk.serial, size.len())?;
        }
        hardware.name = name;
        Ok(Self::assemble(hardware, self.qemu.clone(), self.accel, dir))
    }

    /// Saves its state in a directory, which ends it.
    fn save(&mut self, recipe: &Recipe, folder: &Path) -> Result<(), VmError> {
        // Pages of files can be read again; a state without them is smaller and is loaded faster.
        let name = recipe.name();
        self.succeeds(&format!(
            "echo {name} >{MARK}; sync; echo 3 >/proc/sys/vm/drop_caches"
        ))?;
        self.freeze()?;
        let mapped = json!([{ "capability": qemu::MAPPED_RAM, "state": true }]);
        self.monitor(
            "migrate-set-capabilities",
            &json!({ "capabilities": mapped }),
        )?;
        // The limit is for networks.
        self.monitor("migrate-set-parameters", &json!({ "max-bandwidth": 0 }))?;
        let memory = folder.join("memory");
        let uri = format!("file:{}", memory.display());
        self.monitor("migrate", &json!({ "uri": uri }))?;
        let timeout = SAVE.on(self.accel);
        let saved = os_sys::patience::until(timeout, || {
            let now = self.ask_monitor("query-migrate", &json!({}))?;
            match now.get("status").and_then(Value::as_str) {
                Some("completed") => Ok(Some(())),
                Some("failed" | "cancelled") => Err(VmError::Monitor {
                    machine: self.name().to_owned(),
                    command: "migrate".to_owned(),
                    answer: now.to_string(),
                }),
                _ => Ok(None),
            }
        })?;
        if saved.is_none() {
            return Err(self.timeout("QEMU should save its state", timeout));
        }
        self.power_cut()?;
        for (number, disk) in self.saved_disks(recipe) {
            saved::copy_sparse(&disk.file, &saved::disk(folder, number))?;
        }
        let console = &self.places.console;
        let copied = fs::copy(console, folder.join("console.log"));
        copied.map(drop).map_err(VmError::file("copy", console))
    }

    /// The disks that are part of the state, with their numbers in it.
    fn saved_disks(&self, recipe: &Recipe) -> impl Iterator<Item = (usize, &crate::Disk)> {
        let on_board = self.hardware.on_board.unwrap_or_default();
        let disks = self.hardware.disks.iter().skip(on_board);
        disks.take(recipe.saved_disks()).enumerate()
    }

    /// Starts QEMU with a state and waits until the shell answers.
    fn load(&mut self, state: &SavedState, recipe: &Recipe) -> Result<(), VmError> {
        for (number, disk) in self.saved_disks(recipe) {
            saved::copy_sparse(&state.disk(number), &disk.file)?;
        }
        let console = state.console();
        let remark = format!("resumed; how it booted: {}", console.display());
        self.console.remark(&remark)?;
        let hardware = self.hardware.with_slots_taken(recipe.saved_disks());
        let mut arguments = qemu::arguments(&hardware, &self.places, self.accel, "");
        arguments.extend(qemu::incoming(&state.memory()));
        self.launch(arguments)?;
        let timeout = LOAD.on(self.accel);
        let loaded = os_sys::patience::until(timeout, || {
            if !self.is_running() {
                return Err(self.died());
            }
            let status = self.ask_monitor("query-status", &json!({}));
            // Without an answer it has just ended.
            let Ok(status) = status else { return Ok(None) };
            let status = status.get("status").and_then(Value::as_str);
            Ok(status.is_some_and(|is| is != "inmigrate").then_some(()))
        })?;
        if loaded.is_none() {
            return Err(self.timeout("QEMU should load its state", timeout));
        }
        self.thaw()?;
        self.wait_for_boot(AWAKE)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let (now, name) = (now.unwrap_or_default().as_secs(), recipe.name());
        let command = format!("grep -qx {name} {MARK} && date -u -s @{now}");
        self.succeeds(&command).map(drop)
    }

    /// Adds what the state did not have, and waits until the guest has seen it.
    fn plug_in(&mut self, recipe: &Recipe) -> Result<(), VmError> {
        let saved = self.hardware.with_slots_taken(recipe.saved_disks());
        let (mut commands, mut seen) = (Vec::new(), Vec::new());
        let added = saved.disks.len()..;
        for (number, disk) in self.hardware.disks.iter().enumerate() {
            if let Some(slot) = self.hardware.slot_of_disk(number)
                && added.contains(&number)
            {
                commands.extend(qemu::plug_disk(number, disk, slot));
                let serial = quote(&disk.serial);
                seen.push(format!("grep -qx {serial} /sys/block/*/serial 2>/dev/null"));
            }
        }
        for (number, card) in self.hardware.cards.iter().enumerate() {
            if let Some(slot) = self.hardware.slot_of_card(number) {
                commands.extend(qemu::plug_card(number, card, self.name(), slot));
                let address = hardware_address(self.name(), number);
                seen.push(format!("grep -qx {address} /sys/class/net/*/address"));
            }
        }
        if commands.is_empty() {
            return Ok(());
        }
        for (command, arguments) in commands {
            self.monitor(command, &arguments)?;
        }
        let all = seen.join(" && ");
        self.succeeds(&format!("until {all}; do sleep 0.1; done"))
            .map(drop)
    }

    /// Removes a state that does not work. Another process may have made it again already.
    fn discard(
        &mut self,
        store: &Store,
        recipe: &Recipe,
        state: &SavedState,
        error: &VmError,
    ) -> Result<(), VmError> {
        self.power_cut()?;
        self.remark(&format!(
            "the state {} does not work: {error}",
            recipe.name()
        ));
        let timeout = self.time_of(recipe) + QEMU_PATIENCE;
        match store.lock(recipe.name(), timeout)? {
            Some(_lock) => state.discard(),
            None => Ok(()),
        }
    }

    /// Says in the log of the test what is not as usual.
    fn remark(&self, what: &str) {
        self.note(what, Instant::now());
    }
}

/// Whether this QEMU has what [`Machine::save`] needs: `QEMU emulator version 10.0.2 (Debian ...)`.
fn can_save(version: &str) -> bool {
    let number = version.split_whitespace().nth(3).unwrap_or_default();
    let major = number.split('.').next().unwrap_or_default();
    major.parse::<u32>().is_ok_and(|major| major >= OLDEST_QEMU)
}

/// A file, by where it really is, its size and its time: to hash the files of an image takes seconds.
fn identity_of(file: &Path) -> Result<String, VmError> {
    let real = file.canonicalize().map_err(VmError::file("find", file))?;
    let metadata = real.metadata().map_err(VmError::file("find", &real))?;
    let changed = metadata.modified().unwrap_or(UNIX_EPOCH);
    let changed = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (length, changed) = (metadata.len(), changed.as_nanos());
    Ok(format!("{} {length} {changed}", real.display()))
}

/// The processor that a machine under KVM has: a state with more features than that does not load.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let first = text.split("\n\n").next().unwrap_or_default();
    let lines = first.lines().filter(|line| {
        let name = line.split(':').next().unwrap_or_default().trim();
        matches!(name, "model name" | "stepping" | "microcode" | "flags")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_recent_qemus_save() {
        for (version, can) in [
            ("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)", true),
            ("QEMU emulator version 9.0.0", true),
            ("QEMU emulator version 7.2.17 (Debian 1:7.2+dfsg-7)", false),
            ("", false),
        ] {
            assert_eq!(can_save(version), can, "{version}");
        }
    }
}
