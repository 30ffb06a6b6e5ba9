//! The system boots, runs what it should, and goes down in order.

use anyhow::{Result, ensure};
use machine::image::{BOOT, DOWN};
use machine::{Image, up};
use osvm::Machine;

#[test]
fn boots_runs_its_services_and_powers_off() -> Result<()> {
    let mut vm = up(Image::find()?.machine("boot"))?;
    vm.wait_for_service("networking", BOOT)?;
    all_services_run(&mut vm)?;
    assert_eq!(vm.succeeds("cat /proc/1/cgroup")?, "0::/system/init");
    let group = vm.succeeds("cat /proc/$(pidof osctld)/cgroup")?;
    assert_eq!(group, "0::/system/service/osctld");
    // What ends by itself is started again.
    vm.succeeds("kill -9 $(pidof osctld)")?;
    vm.wait_until_succeeds("osctl ping", BOOT)?;

    vm.shut_down("poweroff -f", DOWN)?;
    let said = vm.console()?;
    ensure!(said.contains("reboot: Power down"), "{said}");
    ensure!(!said.contains("ERROR"), "{said}");
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
