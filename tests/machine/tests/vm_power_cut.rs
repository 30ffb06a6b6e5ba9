//! Power cuts in the middle of what changes a pool: nothing that was there is lost, and nothing that
//! was not finished is left.

use anyhow::{Result, ensure};
use machine::image::{BOOT, services};
use machine::pool::{self, OPERATION};
use machine::{Image, up};
use osvm::Machine;

#[test]
fn power_is_cut_in_new_del_and_import() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let disk = pool::disk(&dir)?;
    let mut vm = up(Image::find()?.machine("cut").disk(disk))?;
    pool::make(&mut vm)?;
    pool::build_image(&mut vm)?;
    for id in ["old", "doomed"] {
        vm.succeeds_within(&pool::new_container(id), OPERATION)?;
    }

    cut_power_in(&mut vm, &pool::new_container("new"))?;
    let made = imported(&mut vm, ["doomed new old", "doomed old"])?;
    if made == "doomed old" {
        pool::build_image(&mut vm)?;
        vm.succeeds_within(&pool::new_container("new"), OPERATION)?;
    }

    cut_power_in(&mut vm, "osctl ct del doomed")?;
    pool::load_driver(&mut vm)?;
    cut_power_in(&mut vm, &pool::import_command(""))?;
    imported(&mut vm, ["doomed new old", "new old"])?;
    // Nothing of either is in the way.
    vm.succeeds_within("osctl ct start old new", OPERATION)?;
    pool::is_healthy(&mut vm)
}

/// Cuts the power while a command runs, and boots again.
fn cut_power_in(vm: &mut Machine, command: &str) -> Result<()> {
    // On the disk, so that what is lost can only be what the command has not done.
    vm.succeeds_within("sync", OPERATION)?;
    vm.succeeds(&format!(
        "({command}; echo ended >/tmp/ended) >/tmp/said 2>&1 & sleep 0.5"
    ))?;
    vm.power_cut()?;
    vm.start()?;
    vm.wait_for_boot(BOOT)?;
    services(vm)
}

/// Imports the pool, which is healthy and has the containers of before or of after; which of them.
fn imported(vm: &mut Machine, expected: [&str; 2]) -> Result<String> {
    pool::import(vm, "")?;
    let found = vm.succeeds("osctl ct ls -H -o id | sort | xargs")?;
    ensure!(expected.contains(&found.as_str()), "{found}");
    pool::is_healthy(vm)?;
    Ok(found)
}
