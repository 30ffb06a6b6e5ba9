//! Real machines: Debian's kernel for virtual machines and a busybox, without the system.
//!
//! `scripts/test-kernel` (a part of `make test-images`) fetches the kernel.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use osvm::{Accel, Builder, Deadline, Disk, Initrd, Machine, Network, Nic, VmError};

#[path = "machine/resume.rs"]
mod resume;

const INIT: &str = include_str!("init.sh");

/// Where `scripts/test-kernel` puts things.
fn kernel() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/osvm/kernel")
}

/// The initrd of a test in its directory; made by the first call. Machines with the same one have the same
/// image.
fn initrd(dir: &Path) -> Result<PathBuf> {
    let file = dir.join("initrd");
    if file.exists() {
        return Ok(file);
    }
    let modules = kernel().join("modules");
    let entries = modules.read_dir();
    let entries = entries.context("there is no kernel for the tests; run scripts/test-kernel")?;
    let mut initrd = Initrd::with_busybox(INIT)?.folder("modules");
    for entry in entries {
        let entry = entry?;
        let name = format!("modules/{}", entry.file_name().display());
        initrd = initrd.file_of(&name, 0o644, &entry.path())?;
    }
    Ok(initrd.write_to(file)?)
}

/// A directory of the test, for machines that are expected to fail: their logs are deleted with it.
fn scratch() -> Result<tempfile::TempDir> {
    Ok(tempfile::Builder::new().prefix("osvm-test-").tempdir()?)
}

fn machine(name: &str, dir: &tempfile::TempDir) -> Result<Builder> {
    let builder = Machine::builder(name, kernel().join("vmlinuz"), initrd(dir.path())?);
    let builder = builder.memory_mib(192).append("quiet loglevel=5");
    Ok(builder.state_in(dir))
}

fn booted(builder: Builder) -> Result<Machine> {
    let mut machine = builder.build()?;
    machine.start()?;
    machine.wait_for_boot(Deadline::BOOT)?;
    Ok(machine)
}

/// Commands, files, time limits, console, reboot, shutdown: one boot for what disturbs nobody.
#[test]
fn commands_files_and_console() -> Result<()> {
    let dir = scratch()?;
    let mut vm = booted(machine("one", &dir)?.cpus(2))?;

    assert_eq!(vm.succeeds("echo out; echo err >&2; nproc")?, "out\nerr\n2");
    assert_eq!(vm.fails("exit 33")?.status, 33);
    assert_eq!(
        vm.execute("no-such-command", Deadline::COMMAND)?.status,
        127
    );
    assert_eq!(vm.all_succeed(&["echo a", "echo b"])?, ["a", "b"]);
    let Err(VmError::CommandFailed {
        status: 5, output, ..
    }) = vm.succeeds("echo why; exit 5")
    else {
        bail!("no error for a command that failed");
    };
    assert_eq!(output, "why");
    let succeeded = vm.fails("true");
    ensure!(matches!(succeeded, Err(VmError::CommandSucceeded { .. })));

    let bytes: Vec<u8> = (0..=255).cycle().take(300_001).collect();
    let (here, back) = (dir.path().join("here"), dir.path().join("back"));
    std::fs::File::create(&here)?;
    vm.push_file(&here, "/tmp/empty")?;
    assert_eq!(vm.read_file("/tmp/empty")?, b"");
    vm.mkdir_p("/tmp/it's/a directory")?;
    vm.write_file("/tmp/it's/a directory/file", &bytes)?;
    vm.pull_file("/tmp/it's/a directory/file", &back)?;
    ensure!(std::fs::read(&back)? == bytes, "a file came back changed");
    ensure!(vm.write_file("/no/such/folder", b"x").is_err());
    ensure!(vm.read_file("/no/such/file").is_err());

    vm.succeeds("echo said-on-the-console >/dev/ttyS0")?;
    vm.wait_for_console("said-on-the-console", Deadline::COMMAND)?;
    vm.succeeds("(read -r line </dev/ttyS0; echo \"$line\" >/tmp/typed) >/dev/null 2>&1 &")?;
    vm.console_send(b"typed text\n")?;
    assert_eq!(
        vm.wait_until_succeeds("grep . /tmp/typed", Deadline::COMMAND)?,
        "typed text"
    );

    vm.succeeds("(sleep 1; rm /tmp/typed) >/dev/null 2>&1 &")?;
    vm.wait_until_fails("test -e /tmp/typed", Deadline::COMMAND)?;
    Ok(())
}

#[test]
fn time_limits() -> Result<()> {
    let dir = scratch()?;
    let mut vm = booted(machine("late", &dir)?)?;
    let second = Deadline::Exact(Duration::from_secs(1));

    // The guest kills a late command, and the shell goes on.
    let late = vm.execute("echo begun; sleep 100", second);
    let Err(error @ VmError::Timeout { .. }) = late else {
        bail!("a late command gave {late:?}");
    };
    let text = error.to_string();
    ensure!(
        text.contains("begun") && text.contains("sleep 100"),
        "{text}"
    );
    assert_eq!(vm.succeeds("echo again")?, "again");

    let never = vm.wait_until_succeeds("echo no; false", second);
    ensure!(matches!(never, Err(VmError::Timeout { .. })), "{never:?}");
    let never = vm.wait_for_console("never said", second);
    ensure!(matches!(never, Err(VmError::Timeout { .. })), "{never:?}");

    // A guest that does not answer at all, and comes back.
    vm.freeze()?;
    let frozen = vm.wait_for_boot(second);
    let Err(error @ VmError::Timeout { .. }) = frozen else {
        bail!("a frozen machine gave {frozen:?}");
    };
    ensure!(error.to_string().contains("console.log"), "{error}");
    vm.thaw()?;
    assert_eq!(vm.succeeds("echo thawed")?, "thawed");
    Ok(())
}

#[test]
fn power() -> Result<()> {
    let dir = scratch()?;
    let builder = machine("power", &dir)?.append("loglevel=6");
    let builder = builder.new_disk("tank", 64 << 20);
    let mut vm = booted(builder)?;
    ensure!(vm.is_running());
    ensure!(matches!(vm.start(), Err(VmError::State { .. })));
    assert_eq!(
        vm.succeeds("cat /sys/block/vda/serial; echo; cat /sys/block/vda/size")?,
        "tank\n131072"
    );

    // What was synced is there after a power cut, memory is not.
    vm.succeeds("echo kept | dd of=/dev/vda conv=fsync 2>&1; echo lost >/tmp/file")?;
    vm.power_cut()?;
    ensure!(!vm.is_running());
    ensure!(matches!(vm.succeeds("true"), Err(VmError::State { .. })));
    vm.start_with(&["one.more=parameter"])?;
    vm.wait_for_boot(Deadline::BOOT)?;
    assert_eq!(vm.succeeds("head -c 5 /dev/vda")?, "kept");
    vm.fails("test -e /tmp/file")?;
    vm.succeeds("grep -w one.more=parameter /proc/cmdline")?;

    // The same QEMU goes through a reboot, and so do its parameters and its console.
    vm.succeeds("touch /tmp/file")?;
    vm.reboot("reboot -f", Deadline::BOOT)?;
    vm.fails("test -e /tmp/file")?;
    vm.succeeds("grep -w one.more=parameter /proc/cmdline")?;
    vm.wait_for_console_times("Linux version", 2, Deadline::COMMAND)?;

    vm.shut_down("poweroff -f", Deadline::SHUTDOWN)?;
    ensure!(!vm.is_running());
    ensure!(vm.wait_for_shutdown(Deadline::SHUTDOWN).is_err());
    Ok(())
}

#[test]
fn death_shows_the_console() -> Result<()> {
    let dir = scratch()?;
    let mut vm = booted(machine("dying", &dir)?.append("panic=0"))?;
    let begin = Instant::now();
    vm.succeeds("(sleep 1; echo last words >/dev/ttyS0; poweroff -f) >/dev/null 2>&1 &")?;
    let died = vm.succeeds_within("sleep 1000", Duration::from_secs(1000));
    let Err(VmError::MachineDied { evidence, .. }) = died else {
        bail!("a machine that ended gave {died:?}");
    };
    ensure!(evidence.tail.contains("last words"), "{evidence}");
    ensure!(begin.elapsed() < Duration::from_mins(1));

    // A panic does not end QEMU, and is seen at once nevertheless.
    vm.start_with(&["osvm.test=panic"])?;
    let died = vm.wait_for_boot(Duration::from_secs(1000));
    let Err(VmError::MachineDied { how, evidence, .. }) = died else {
        bail!("a panic gave {died:?}");
    };
    ensure!(
        how.contains("panicked") && evidence.tail.contains("Kernel panic"),
        "{evidence}"
    );
    vm.wait_for_console("Kernel panic - not syncing", Deadline::COMMAND)?;
    drop(vm);
    ensure!(evidence.log.is_file(), "the log of a failure is gone");
    Ok(())
}

#[test]
fn two_machines_share_a_network_and_a_disk() -> Result<()> {
    let dir = scratch()?;
    let network = Network::new()?;
    let disk = Disk::create(dir.path().join("shared"), "shared", 16 << 20)?;
    let of = |name: &str| -> Result<Builder> {
        let nic = Nic::Private(network.clone());
        Ok(machine(name, &dir)?.nic(nic).disk(disk.clone()))
    };
    let mut server = of("server")?.build()?;
    let mut client = machine("client", &dir)?
        .nic(Nic::Private(network.clone()))
        .build()?;
    server.start()?;
    client.start()?;
    for (vm, address) in [
        (&mut server, "198.18.0.1/24"),
        (&mut client, "198.18.0.2/24"),
    ] {
        vm.wait_for_boot(Deadline::BOOT)?;
        let mac = vm.hardware_address(0);
        assert_eq!(vm.succeeds("cat /sys/class/net/eth0/address")?, mac);
        vm.succeeds(&format!(
            "ip link set eth0 up && ip addr add {address} dev eth0"
        ))?;
    }
    server.succeeds(
        "mkdir /srv && dd if=/dev/urandom of=/srv/file bs=1M count=4 2>&1 && \
         echo once >/dev/vda && sync && httpd -p 80 -h /srv",
    )?;
    let sum = server.succeeds("sha256sum </srv/file")?;
    // Not `wget -T`: the busybox of Debian 12 falls over it.
    let fetch = "timeout 5 wget -q -O /tmp/file http://198.18.0.1/file";
    client.wait_until_succeeds(fetch, Deadline::COMMAND)?;
    assert_eq!(client.succeeds("sha256sum </tmp/file")?, sum);

    // The disk is one machine's, until that is off.
    let mut second = of("second")?.build()?;
    let locked = second.start();
    let Err(VmError::MachineDied { how, .. }) = &locked else {
        bail!("a disk was given twice: {locked:?}");
    };
    ensure!(how.contains("lock"), "{how}");
    client.unplug_cable(0)?;
    client.wait_until_fails(fetch, Deadline::COMMAND)?;
    client.plug_cable(0)?;
    client.wait_until_succeeds(fetch, Deadline::COMMAND)?;
    server.power_cut()?;
    client.fails(fetch)?;
    second.start()?;
    second.wait_for_boot(Deadline::BOOT)?;
    assert_eq!(second.succeeds("head -n 1 /dev/vda")?, "once");
    Ok(())
}

#[test]
fn restricted_network_reaches_nothing() -> Result<()> {
    let dir = scratch()?;
    let mut vm = booted(machine("alone", &dir)?.nic(Nic::Restricted))?;
    vm.succeeds("ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0")?;
    // Somebody listens on the host; QEMU's router would pass 10.0.2.2 on to it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    vm.succeeds("arping -c 1 -w 5 -I eth0 10.0.2.2")?;
    vm.fails(&format!("nc -w 2 10.0.2.2 {port} </dev/null"))?;
    Ok(())
}

#[test]
fn machine_ends_with_its_value() -> Result<()> {
    let dir = scratch()?;
    let mut vm = machine("short", &dir)?.build()?;
    vm.start()?;
    let folder = vm.folder().to_owned();
    ensure!(folder.is_dir());
    drop(vm);
    ensure!(!folder.exists());
    Ok(())
}

#[test]
fn what_is_missing_is_named() -> Result<()> {
    let dir = scratch()?;
    let missing = Machine::builder("m", "/no/kernel", initrd(dir.path())?).build();
    let error = missing.err().context("a missing kernel was found")?;
    assert_eq!(error.to_string(), "cannot find /no/kernel");
    let named = machine("a,b", &dir)?.build();
    ensure!(matches!(named, Err(VmError::Setting { .. })), "{named:?}");
    Ok(())
}

/// The answer may be either; that it is given and remembered is what counts.
#[test]
fn acceleration_is_asked_once() -> Result<()> {
    let dir = scratch()?;
    let copy = dir.path().join("vmlinuz");
    std::fs::copy(kernel().join("vmlinuz"), &copy)?;
    let build = || {
        Machine::builder("asked", &copy, initrd(dir.path())?)
            .build()
            .context("build")
    };
    let asked = build()?.accel();
    assert_eq!(build()?.accel(), asked);
    let is_certain = std::env::var_os("OSVM_ACCEL").is_some() || !Path::new("/dev/kvm").exists();
    let note = dir.path().join("vmlinuz.accel");
    let word = match asked {
        Accel::Kvm => "kvm ",
        Accel::Tcg => "tcg ",
    };
    ensure!(is_certain || std::fs::read_to_string(note)?.starts_with(word));
    Ok(())
}
