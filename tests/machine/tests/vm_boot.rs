//! The system boots, runs what it should, and goes down in order.

use std::time::Duration;

use anyhow::{Result, ensure};
use machine::image::{BOOT, DOWN};
use machine::{Image, says, up};
use osvm::{Deadline, Machine};

/// What the console says to what is typed there; once it counts ten seconds down.
const ANSWER: Deadline = Deadline::Scaled(Duration::from_secs(20));

#[test]
fn boots_runs_its_services_and_powers_off() -> Result<()> {
    let mut vm = up(Image::find()?.machine("boot"))?;
    vm.wait_for_service("networking", BOOT)?;
    all_services_run(&mut vm)?;
    assert_eq!(vm.succeeds("cat /proc/1/cgroup")?, "0::/system/init");
    let group = vm.succeeds("cat /proc/$(pidof osctld)/cgroup")?;
    assert_eq!(group, "0::/system/service/osctld");
    let read = vm.succeeds("bash -c 'cat <(echo a) /dev/stdin <<<b'")?;
    assert_eq!(read, "a\nb", "/dev/fd and /dev/stdin");
    // What ends by itself is started again.
    vm.succeeds("kill -9 $(pidof osctld)")?;
    vm.wait_until_succeeds("osctl ping", BOOT)?;

    nobody_is_hasty(&mut vm)?;
    powers_off_when_told_why(&mut vm)?;
    let said = vm.console()?;
    ensure!(said.contains("reboot: Power down"), "{said}");
    ensure!(!said.contains("ERROR"), "{said}");
    Ok(())
}

/// Without a reason, with a wrong hostname, or after Ctrl-C, nothing happens.
fn nobody_is_hasty(vm: &mut Machine) -> Result<()> {
    vm.wait_for_console("root@test", ANSWER)?;
    // Nothing here tells how large it is.
    type_in(vm, "stty size", "24 80")?;
    type_in(vm, "reboot", "# Why? Lines that begin with #")?;
    type_in(vm, ":q", "reboot: no reason, so nothing happens")?;
    type_in(vm, "reboot -m new-kernel", "type the name of this host: ")?;
    type_in(vm, "web1", "reboot: this host is test; nothing happens")?;
    type_in(vm, "reboot -m again", "Reason: again")?;
    type_in(vm, "test", "reboot in  9 s (Ctrl-C stops it)")?;
    vm.console_send(b"\x03")?;
    vm.wait_for_console("reboot: stopped; nothing has happened", ANSWER)?;
    vm.succeeds("osctl ping")?;
    Ok(())
}

/// The reason is asked for in an editor, and told to the hooks and to the log.
fn powers_off_when_told_why(vm: &mut Machine) -> Result<()> {
    type_in(vm, "poweroff", "# Why? Lines that begin with #")?;
    type_in(vm, "Oa disk fails\x1b:wq", "Reason: a disk fails")?;
    type_in(vm, "test", "poweroff in  1 s")?;
    vm.wait_for_shutdown(DOWN)?;
    let parts = [
        "hook: pre-system poweroff a disk fails",
        "test poweroff: poweroff: a disk fails",
    ];
    says(vm, &parts)
}

/// Types a line on the console and waits for what is said to it.
fn type_in(vm: &mut Machine, line: &str, answer: &str) -> Result<()> {
    let before = vm.console()?.matches(answer).count();
    vm.console_send(format!("{line}\r").as_bytes())?;
    vm.wait_for_console_times(answer, before + 1, ANSWER)?;
    Ok(())
}

fn all_services_run(vm: &mut Machine) -> Result<()> {
    let services = vm.succeeds("svctl list-services")?;
    for line in services.lines() {
        let state = line.split_whitespace().last();
        ensure!(matches!(state, Some("run" | "done")), "{services}");
    }
    ensure!(
        services.contains("osctld") && services.contains("sshd"),
        "{services}"
    );
    Ok(())
}
