//! Power cuts in the middle of what changes a pool: nothing that was there is lost, and nothing that
//! was not finished is left.

use anyhow::{Result, ensure};
use machine::image::{BOOT, services};
use machine::pool::{self, OPERATION};
use machine::{Image, state, with_pool};
use osvm::Machine;

#[test]
fn power_is_cut_in_new_del_and_import() -> Result<()> {
    let image = Image::find()?;
    let mut vm = with_pool(&image, "cut")?;
    vm.succeeds_within(&pool::new_container("doomed"), OPERATION)?;

    cut_power_in(&mut vm, &pool::new_container("new"))?;
    vm.start()?;
    vm.wait_for_boot(BOOT)?;
    services(&mut vm)?;
    let made = imported(&mut vm, ["doomed new web", "doomed web"])?;
    if made == "doomed web" {
        vm.succeeds_within(pool::BUILD_IMAGE, OPERATION)?;
        vm.succeeds_within(&pool::new_container("new"), OPERATION)?;
    }

    cut_power_in(&mut vm, "osctl ct del doomed")?;
    state::anew(&image, &mut vm)?;
    cut_power_in(&mut vm, &pool::import_command(""))?;
    state::anew(&image, &mut vm)?;
    imported(&mut vm, ["doomed new web", "new web"])?;
    // Nothing of either is in the way.
    vm.succeeds_within("osctl ct start web new", OPERATION)?;
    pool::is_healthy(&mut vm)
}

/// Cuts the power while a command runs.
fn cut_power_in(vm: &mut Machine, command: &str) -> Result<()> {
    // On the disk, so that what is lost can only be what the command has not done.
    vm.succeeds_within("sync", OPERATION)?;
    vm.succeeds(&format!(
        "({command}; echo ended >/tmp/ended) >/tmp/said 2>&1 & sleep 0.5"
    ))?;
    Ok(vm.power_cut()?)
}

/// Imports the pool, which is healthy and has the containers of before or of after; which of them.
fn imported(vm: &mut Machine, expected: [&str; 2]) -> Result<String> {
    pool::import(vm, "")?;
    let found = vm.succeeds("osctl ct ls -H -o id | sort | xargs")?;
    ensure!(expected.contains(&found.as_str()), "{found}");
    pool::is_healthy(vm)?;
    Ok(found)
}
