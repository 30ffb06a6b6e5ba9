//! Machines that go on from a saved state, and states that do not work.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use osvm::{Builder, Deadline, Disk, Machine, Network, Nic, Recipe, VmError};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{machine, scratch};

/// Leaves a file in memory that no other boot has.
fn ready() -> Recipe {
    let recipe = Recipe::of_boot("ready", Deadline::BOOT);
    recipe.run(
        "mkdir -p /tmp && cat /proc/sys/kernel/random/uuid >/tmp/made",
        Deadline::COMMAND,
    )
}

/// Writes to a disk, too, and leaves a process running.
fn written() -> Recipe {
    let recipe = Recipe::of_recipe("written", ready()).disks(1);
    let recipe = recipe.run(
        "echo saved | dd of=/dev/vda conv=fsync 2>&1",
        Deadline::COMMAND,
    );
    let counter = "(while :; do date >/tmp/counter; sleep 1; done) >/dev/null 2>&1 &";
    let recipe = recipe.run(counter, Deadline::COMMAND);
    recipe.wait_until("test -s /tmp/counter", Deadline::COMMAND)
}

/// States and initrd that all tests of this file share, so that each state is made once: where a test wants
/// to see a state made or damaged it has a directory of its own.
struct Shared {
    initrd: PathBuf,
    states: PathBuf,
}

impl Shared {
    fn find() -> Result<Self> {
        let folder = super::kernel().with_file_name("resume");
        fs::create_dir_all(&folder)?;
        let initrd = folder.join("initrd");
        // One writes it, and only if it changes: another initrd is another image.
        let lock = File::create(folder.join("initrd.lock"))?;
        lock.lock()?;
        let dir = scratch()?;
        let now = super::initrd(dir.path())?;
        if fs::read(&now)? != fs::read(&initrd).unwrap_or_default() {
            fs::copy(&now, &initrd)?;
        }
        let states = folder.join("saved");
        Ok(Self { initrd, states })
    }

    fn machine(&self, name: &str, dir: &tempfile::TempDir) -> Builder {
        let builder = Machine::builder(name, super::kernel().join("vmlinuz"), &self.initrd);
        let builder = builder.memory_mib(192).append("quiet loglevel=5");
        builder.state_in(dir).slots()
    }
}

fn resumed(builder: Builder, states: &Path, recipe: &Recipe) -> Result<Machine> {
    let mut machine = builder.build()?;
    machine.resume(states, recipe)?;
    Ok(machine)
}

/// What is different in each state: whether two machines went on from the same one.
fn made(vm: &mut Machine) -> Result<String> {
    Ok(vm.succeeds("cat /tmp/made")?)
}

/// The directories of the states that there are.
fn folders(states: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(states)? {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

#[test]
fn machines_resume_from_one_state_and_differ() -> Result<()> {
    let (dir, shared) = (scratch()?, Shared::find()?);
    let network = Network::new()?;
    let of = |name: &str| {
        let builder = shared.machine(name, &dir).new_disk("own", 16 << 20);
        builder.nic(Nic::Private(network.clone()))
    };
    let mut one = resumed(of("one"), &shared.states, &ready())?;
    let mut two = resumed(of("two"), &shared.states, &ready())?;
    assert_eq!(made(&mut one)?, made(&mut two)?);

    // Random numbers, clock, address and disk are those of each machine.
    let random = "head -c 16 /dev/urandom | base64";
    ensure!(one.succeeds(random)? != two.succeeds(random)?);
    for (vm, address) in [(&mut one, "198.18.0.1/24"), (&mut two, "198.18.0.2/24")] {
        let clock: u64 = vm.succeeds("date +%s")?.parse()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        ensure!(now.abs_diff(clock) < 20, "it is {now}, not {clock}");
        let mac = vm.hardware_address(0);
        assert_eq!(vm.succeeds("cat /sys/class/net/eth0/address")?, mac);
        vm.succeeds(&format!(
            "ip link set eth0 up && ip addr add {address} dev eth0"
        ))?;
        let name = vm.name().to_owned();
        vm.succeeds(&format!("echo {name} | dd of=/dev/vda conv=fsync 2>&1"))?;
    }
    one.succeeds("ping -c 1 -W 10 198.18.0.2")?;
    one.unplug_cable(0)?;
    one.fails("ping -c 1 -W 1 198.18.0.2")?;
    assert_eq!(one.succeeds("head -n 1 /dev/vda")?, "one");

    // A machine that was resumed can be turned off and booted, with the same disk.
    one.power_cut()?;
    one.start()?;
    one.wait_for_boot(Deadline::BOOT)?;
    one.fails("test -e /tmp/made")?;
    assert_eq!(one.succeeds("head -n 1 /dev/vda")?, "one");
    one.shut_down("poweroff -f", Deadline::SHUTDOWN)?;
    one.resume(&shared.states, &ready())?;
    assert_eq!(made(&mut one)?, made(&mut two)?);
    assert_eq!(one.succeeds("head -n 1 /dev/vda")?, "one");
    // The console says which file has the output of the boot.
    ensure!(!one.console()?.contains("Linux version"));
    let log = fs::read_to_string(one.folder().join("console.log"))?;
    ensure!(log.contains("[resumed; how it booted: "), "{log}");
    Ok(())
}

#[test]
fn disks_of_a_recipe_are_as_it_left_them() -> Result<()> {
    let (dir, shared) = (scratch()?, Shared::find()?);
    for name in ["one", "two"] {
        let builder = shared.machine(name, &dir).new_disk("data", 16 << 20);
        let builder = builder.new_disk("more", 16 << 20);
        let mut vm = resumed(builder, &shared.states, &written())?;
        assert_eq!(vm.succeeds("head -n 1 /dev/vda")?, "saved");
        vm.succeeds("echo changed | dd of=/dev/vda conv=fsync 2>&1")?;
        vm.succeeds("test -b /dev/vdb && rm /tmp/counter")?;
        vm.wait_until_succeeds("test -s /tmp/counter", Deadline::COMMAND)?;
        // The disk goes into another machine.
        vm.power_cut()?;
        let disk = vm.disk("data").context("it has a disk data")?;
        let next = shared.machine("next", &dir).disk(disk);
        let mut next = resumed(next, &shared.states, &ready())?;
        assert_eq!(next.succeeds("head -n 1 /dev/vda")?, "changed");
    }
    Ok(())
}

/// Copies a state into another directory for states.
fn copy_state(from: &Path, to: &Path) -> Result<()> {
    let to = to.join(from.file_name().context("a state has a name")?);
    fs::create_dir_all(&to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

type Damage = fn(&File) -> std::io::Result<()>;

/// QEMU does not take it.
fn cut_short(memory: &File) -> std::io::Result<()> {
    memory.set_len(1 << 16)
}

/// QEMU loads it, and the machine crashes, because its code in memory is damaged.
fn overwritten(memory: &File) -> std::io::Result<()> {
    let length = memory.metadata()?.len();
    let garbage = vec![0xff; 1 << 20];
    for position in (2 << 20..length - (1 << 20)).step_by(1 << 20) {
        memory.write_all_at(&garbage, position)?;
    }
    Ok(())
}

#[test]
fn state_that_does_not_work_is_made_anew() -> Result<()> {
    let (dir, shared) = (scratch()?, Shared::find()?);
    let machine = |name: &str| shared.machine(name, &dir);
    let mut before = made(&mut resumed(machine("first"), &shared.states, &ready())?)?;
    for (name, damage) in [
        ("cut-short", cut_short as Damage),
        ("overwritten", overwritten),
    ] {
        let states = dir.path().join(name);
        for state in folders(&shared.states)? {
            copy_state(&state, &states)?;
            let memory = states.join(state.file_name().unwrap_or_default());
            let memory = memory.join("memory");
            damage(&File::options().write(true).open(memory)?)?;
        }
        let mut vm = resumed(machine(name), &states, &ready()).context(name)?;
        let now = made(&mut vm)?;
        ensure!(now != before, "{name}: the state was not saved again");
        before = now;
        // What is left of the attempt is no failure of the machine.
        let folder = vm.folder().to_owned();
        drop(vm);
        ensure!(!folder.exists(), "{name}: {}", folder.display());
    }
    Ok(())
}

/// The first to ask makes the state, the second waits for it, and nothing that a killed run left disturbs.
#[test]
fn state_is_made_once_and_for_one_image() -> Result<()> {
    let dir = scratch()?;
    let states = dir.path().join("saved");
    // The lock of a process that is dead, and the directory that it was making.
    fs::create_dir_all(states.join("new-abcdef"))?;
    File::create(states.join("new-abcdef/memory"))?;
    File::create(states.join("ready.lock"))?;
    let machines = [machine("one", &dir)?, machine("two", &dir)?].map(|builder| {
        let vm = builder.slots().build()?;
        // Pipes of a run before: what opens such a pipe would wait forever.
        for name in ["shell.in", "monitor"] {
            let path = vm.folder().join(name);
            mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0)?;
        }
        Ok::<_, anyhow::Error>(vm)
    });
    let [one, two] = machines;
    let (one, two) = (one?, two?);
    let states = &states;
    let resumed_in_a_thread = |mut vm: Machine| -> Result<String> {
        vm.resume(states, &ready())?;
        made(&mut vm)
    };
    let (one, two) = std::thread::scope(|scope| {
        let other = scope.spawn(|| resumed_in_a_thread(two));
        let one = resumed_in_a_thread(one);
        (one, other.join().expect("no panic"))
    });
    let (one, two) = (one?, two?);
    assert_eq!(one, two);

    // Another image in the same place: only its state is left.
    fs::remove_file(dir.path().join("initrd"))?;
    let next = machine("next", &dir)?.slots();
    ensure!(made(&mut resumed(next, states, &ready())?)? != one);
    let left = folders(states)?;
    let is_state = |folder: &&PathBuf| folder.join("key").exists();
    assert_eq!(left.iter().filter(is_state).count(), 1, "{left:?}");
    Ok(())
}

#[test]
fn what_cannot_be_resumed_is_told() -> Result<()> {
    let (dir, shared) = (scratch()?, Shared::find()?);
    let plain = resumed(machine("plain", &dir)?, &shared.states, &ready());
    let error = plain.err().context("a machine without slots resumed")?;
    ensure!(error.to_string().contains("Builder::slots()"), "{error}");

    let many = (0..9).fold(shared.machine("many", &dir), |builder, number| {
        builder.new_disk(&format!("d{number}"), 1 << 20)
    });
    ensure!(matches!(many.build(), Err(VmError::Setting { .. })));

    // A step that fails is a failure of the step, and leaves no state.
    let wrong = Recipe::of_recipe("wrong", ready()).run("echo why; exit 3", Deadline::COMMAND);
    let failed = resumed(shared.machine("wrong", &dir), &shared.states, &wrong);
    let error = failed.err().context("a failed step gave a machine")?;
    ensure!(error.to_string().contains("ended with 3: why"), "{error}");
    let left = folders(&shared.states)?;
    let is_wrong = |folder: &PathBuf| folder.to_string_lossy().contains("wrong");
    ensure!(!left.iter().any(is_wrong), "{left:?}");

    // A disk that another machine has.
    let disk = Disk::create(dir.path().join("shared"), "shared", 16 << 20)?;
    let with_it = |name: &str| {
        let builder = shared.machine(name, &dir).disk(disk.clone());
        resumed(builder, &shared.states, &ready())
    };
    let _holder = with_it("holder")?;
    let error = with_it("late").err().context("a disk was given twice")?;
    ensure!(error.to_string().contains("lock"), "{error}");
    Ok(())
}
