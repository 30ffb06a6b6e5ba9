//! A full pool: a command that fails loses no configuration.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};
use os_testkit::Sandbox;

/// Commands that remove a file and fail at a later step.
const FAULTS: &str = "container-rename:dataset-name:before:fail,\
    container-del:dataset-name:before:fail,user-del:id-blocks:before:fail";

/// Fills the data of the pool with a file, and then its metadata with empty ones, which it returns.
fn fill(sandbox: &Sandbox, large: &mut File) -> Result<Vec<PathBuf>> {
    let chunk = vec![0x5a_u8; 4096];
    while large.write_all(&chunk).is_ok() {}
    drop(large.sync_all());
    let folder = sandbox.path("tank/empty");
    std::fs::create_dir(&folder)?;
    let names = (0..200_000).map(|number| folder.join(format!("{number:0>200}")));
    Ok(names
        .take_while(|path| File::create(path).is_ok())
        .collect())
}

#[test]
fn a_command_that_fails_on_a_full_pool_loses_nothing() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_with(&["--fault", FAULTS])?;
    sandbox.pool("tank")?;
    sandbox.new_container("web", &[])?;
    sandbox.ok(&["user", "new", "alice"])?;
    let mut large = File::create(sandbox.path("tank/filler"))?;
    let mut small = fill(&sandbox, &mut large)?;
    let mut reverted = BTreeSet::new();
    // Some room: enough for a journal sooner or later, and never for much more.
    for _ in 0..60 {
        let size = large.metadata()?.len();
        large.set_len(size.saturating_sub(16_384))?;
        for path in small.drain(small.len().saturating_sub(5)..) {
            std::fs::remove_file(path)?;
        }
        // What is removed is free once btrfs has committed.
        #[expect(clippy::disallowed_methods, reason = "the test waits for its end")]
        let synced = Command::new("sync")
            .arg("-f")
            .arg(sandbox.path("tank"))
            .status()?;
        ensure!(synced.success(), "sync: {synced}");
        let commands: [&[&str]; 3] = [
            &["ct", "rename", "web", "shop"],
            &["ct", "del", "web"],
            &["user", "del", "alice"],
        ];
        for command in commands {
            let ran = sandbox.osctl(command)?;
            ensure!(ran.code != 0, "{command:?} succeeded");
            ensure!(!ran.stderr.contains("taken back"), "{}", ran.stderr);
            if ran.stderr.contains("injected") {
                reverted.insert(command);
            }
            for file in ["ct/web", "user/alice"] {
                let path = sandbox.path(&format!("tank/conf/{file}.toml"));
                ensure!(path.exists(), "{command:?} lost {}", path.display());
            }
            let listed = sandbox.ok(&["ct", "ls", "-H", "-o", "id"])?;
            ensure!(listed.trim() == "web", "{command:?} left {listed:?}");
            sandbox.ok(&["user", "show", "alice"])?;
        }
        // Without room a rename fails before it removes anything.
        if reverted.contains(commands[1]) && reverted.contains(commands[2]) {
            break;
        }
    }
    ensure!(reverted.len() >= 2, "came to their fault: {reverted:?}");
    drop(large);
    std::fs::remove_file(sandbox.path("tank/filler"))?;
    std::fs::remove_dir_all(sandbox.path("tank/empty"))?;
    native::World::look(&sandbox)?.is_clean()?;
    sandbox.finish(daemon)
}
