//! Pools: made, opened, closed, refused.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use native::World;
use os_testkit::{Ran, Sandbox};

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is text")
}

fn refused(ran: &Ran, code: i32, words: &[&str]) -> Result<()> {
    ensure!(
        ran.code == code,
        "ended with {} instead of {code}: {}",
        ran.code,
        ran.stderr
    );
    for word in words {
        ensure!(
            ran.stderr.contains(word),
            "does not say {word:?}: {}",
            ran.stderr
        );
    }
    Ok(())
}

#[test]
fn a_new_pool_has_the_folders_and_modes_of_the_reference() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    for (folder, mode) in [
        ("conf", 0o500),
        ("conf/pool", 0o500),
        ("conf/ct", 0o500),
        ("conf/user", 0o500),
        ("conf/group", 0o500),
        ("conf/id-range", 0o500),
        ("ct", 0o500),
        ("hook", 0o500),
        ("log", 0o500),
        ("repository", 0o500),
        ("trash", 0o500),
    ] {
        let found = std::fs::metadata(sandbox.path("tank").join(folder))?;
        assert_eq!(
            (folder, found.permissions().mode() & 0o7777, found.uid()),
            (folder, mode, 0)
        );
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    let place = sandbox.path("tank");
    let line = mounts
        .lines()
        .find(|line| line.contains(place.to_str().unwrap_or("?")));
    let line = line.context("the pool is not mounted")?;
    ensure!(line.contains("nosuid") && line.contains("nodev"), "{line}");
    sandbox.finish(daemon)
}

#[test]
fn export_and_import_bring_everything_back() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    sandbox.ok(&["user", "new", "alice"])?;
    sandbox.ok(&["group", "new", "-p", "/a/b"])?;
    sandbox.ok(&["pool", "set", "attr", "tank", "org.example:rack", "7"])?;
    sandbox.ok(&["pool", "set", "parallel-start", "tank", "9"])?;
    let before = World::look(&sandbox)?;
    sandbox.ok(&["pool", "export", "tank"])?;
    let passwd = std::fs::read_to_string(sandbox.path("etc/passwd"))?;
    assert_eq!(
        passwd, "root:x:0:0:root:/root:/bin/bash\n",
        "the accounts are gone with the pool"
    );
    refused(
        &sandbox.osctl(&["user", "show", "alice"])?,
        3,
        &["E-NOT-FOUND"],
    )?;
    refused(
        &sandbox.osctl(&["pool", "export", "tank"])?,
        4,
        &["E-POOL-STATE"],
    )?;
    sandbox.ok(&["pool", "export", "--if-imported", "tank"])?;
    sandbox.ok(&["pool", "import", "tank"])?;
    before.expect_same(&World::look(&sandbox)?)?;
    refused(
        &sandbox.osctl(&["pool", "import", "tank"])?,
        4,
        &["E-POOL-STATE"],
    )?;
    sandbox.finish(daemon)
}

#[test]
fn a_pool_moves_to_another_host() -> Result<()> {
    let (one, two) = (Sandbox::new()?, Sandbox::new()?);
    let other_id = "ffffffffffffffffffffffffffffffff\n";
    put(&two.path("etc/machine-id"), other_id)?;
    let (a, b) = (one.start_ready()?, two.start_ready()?);
    one.pool("tank")?;
    one.ok(&["user", "new", "alice"])?;
    let image = one.path("var/lib/osctl/images/tank.img");
    let image = text(&image)?;

    // Open there: refused here, before anything is written.
    let ran = two.osctl(&["pool", "import", "--source", image, "tank"])?;
    ensure!(ran.code != 0, "a pool that is open elsewhere was imported");
    // That host is gone without having exported it.
    a.kill()?;
    os_testkit::leaks::clean(one.root(), &one.cgroup_parent())?;
    let ran = two.osctl(&["pool", "import", "--source", image, "tank"])?;
    refused(&ran, 5, &["E-POOL-FOREIGN", "pool export"])?;
    ensure!(
        two.json(&["pool", "ls"])?
            .as_array()
            .is_some_and(Vec::is_empty)
    );
    two.ok(&["pool", "import", "--force", "--source", image, "tank"])?;
    assert_eq!(two.json(&["user", "show", "alice"])?["registered"], true);
    // The first host comes back and leaves it alone.
    let a = one.start_ready()?;
    ensure!(
        one.json(&["pool", "ls"])?
            .as_array()
            .is_some_and(Vec::is_empty)
    );
    two.ok(&["pool", "export", "tank"])?;
    one.ok(&["pool", "import", "tank"])?;
    // Now the first has it, and is gone again: the second must not destroy what is not its own.
    a.kill()?;
    os_testkit::leaks::clean(one.root(), &one.cgroup_parent())?;
    let ran = two.osctl(&["pool", "destroy", "--yes", "tank"])?;
    refused(&ran, 5, &["E-POOL-FOREIGN"])?;
    let a = one.start_ready()?;
    one.ok(&["user", "show", "alice"])?;
    two.finish(b)?;
    one.finish(a)
}

#[test]
fn a_newer_schema_is_refused_with_the_way_out() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    let config = sandbox.path("tank/conf/pool/config.toml");
    let text = std::fs::read_to_string(&config)?;
    let newer = text.replace("schema = 2", "schema = 3");
    assert_ne!(newer, text, "the schema is not 2");
    put(&config, &newer)?;
    sandbox.ok(&["pool", "export", "tank"])?;
    let ran = sandbox.osctl(&["pool", "import", "tank"])?;
    refused(&ran, 5, &["E-POOL-SCHEMA", "schema 3", "config.toml"])?;
    ensure!(
        !sandbox.path("tank/conf").exists(),
        "the refused pool was left open"
    );
    sandbox.finish(daemon)
}

#[test]
fn an_existing_btrfs_becomes_a_pool_and_back() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("outer")?;
    // A directory on a mounted btrfs.
    let folder = sandbox.path("outer/inner");
    let path = text(&folder)?;
    subvolume(path)?;
    sandbox.ok(&["pool", "install", "--source", path, "inner"])?;
    sandbox.ok(&["user", "new", "inner:alice"])?;
    ensure!(sandbox.path("inner/conf/user/alice.toml").is_file());
    let sources = sandbox.json(&["pool", "ls"])?;
    assert_eq!(sources.as_array().map(Vec::len), Some(2));
    sandbox.ok(&["pool", "export", "inner"])?;
    sandbox.ok(&["pool", "import", "inner"])?;
    sandbox.ok(&["user", "show", "inner:alice"])?;
    sandbox.ok(&["pool", "export", "inner"])?;
    sandbox.ok(&["pool", "uninstall", "inner"])?;
    refused(
        &sandbox.osctl(&["pool", "import", "inner"])?,
        3,
        &["E-NOT-FOUND"],
    )?;
    let ran = sandbox.osctl(&["pool", "import", "--source", path, "inner"])?;
    refused(&ran, 5, &["E-NOT-A-POOL", "pool install"])?;
    ensure!(
        folder.join("conf/user/alice.toml").is_file(),
        "uninstall deleted something"
    );
    sandbox.finish(daemon)
}

#[test]
fn a_scoped_dataset_leaves_the_rest_of_the_pool_alone() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("outer")?;
    let folder = sandbox.path("outer/inner");
    let path = text(&folder)?;
    subvolume(path)?;
    let install = [
        "pool",
        "install",
        "--source",
        path,
        "--dataset",
        "inner/os/ctl",
        "inner",
    ];
    sandbox.ok(&install)?;
    sandbox.ok(&["user", "new", "inner:alice"])?;
    ensure!(sandbox.path("inner/os/ctl/conf/user/alice.toml").is_file());
    ensure!(!sandbox.path("inner/conf").exists());
    let pool = sandbox.json(&["pool", "show", "inner"])?;
    assert_eq!(pool["dataset"], "inner/os/ctl");
    sandbox.ok(&["pool", "export", "inner"])?;
    sandbox.ok(&["pool", "import", "inner"])?;
    sandbox.ok(&["user", "show", "inner:alice"])?;
    daemon.kill()?;
    sandbox
        .ok(&["user", "show", "inner:alice"])
        .context("without a daemon")?;
    let daemon = sandbox.start_ready()?;
    sandbox.ok(&["user", "show", "inner:alice"])?;
    sandbox.ok(&["pool", "export", "inner"])?;
    sandbox.finish(daemon)
}

#[test]
fn a_block_device_is_a_source() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    sandbox.ok(&["pool", "export", "tank"])?;
    let image = sandbox.path("var/lib/osctl/images/tank.img");
    let device = os_sys::LoopDevice::attach(
        &image,
        os_sys::LoopOptions {
            access: os_sys::Access::ReadWrite,
            direct_io: false,
        },
    )?;
    let node = device.node().to_path_buf();
    sandbox.ok(&["pool", "import", "--source", text(&node)?, "tank"])?;
    sandbox.ok(&["user", "new", "alice"])?;
    sandbox.ok(&["pool", "export", "tank"])?;
    device.detach(std::time::Duration::from_secs(10))?;
    sandbox.finish(daemon)
}

#[test]
fn a_destroyed_pool_is_gone_and_nothing_else_is() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    sandbox.pool("extra")?;
    refused(
        &sandbox.osctl(&["pool", "destroy", "--yes", "tank"])?,
        4,
        &["E-POOL-STATE"],
    )?;
    sandbox.ok(&["pool", "export", "tank"])?;
    sandbox.ok(&["pool", "destroy", "--yes", "tank"])?;
    ensure!(!sandbox.path("var/lib/osctl/images/tank.img").exists());
    ensure!(sandbox.path("var/lib/osctl/images/extra.img").exists());
    refused(
        &sandbox.osctl(&["pool", "import", "tank"])?,
        3,
        &["E-NOT-FOUND"],
    )?;
    sandbox.pool("tank")?;
    sandbox.finish(daemon)
}

#[test]
fn a_pool_is_not_made_over_something() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    refused(
        &sandbox.osctl(&["pool", "new", "--size", "512M", "etc"])?,
        4,
        &["etc"],
    )?;
    refused(
        &sandbox.osctl(&["pool", "new", "--size", "1M", "tank"])?,
        2,
        &["256M"],
    )?;
    let file = sandbox.path("precious");
    put(&file, "precious")?;
    let ran = sandbox.osctl(&[
        "pool",
        "new",
        "--size",
        "512M",
        "--file",
        text(&file)?,
        "tank",
    ])?;
    refused(&ran, 4, &["precious"])?;
    assert_eq!(std::fs::read_to_string(&file)?, "precious");
    sandbox.pool("tank")?;
    refused(
        &sandbox.osctl(&["pool", "new", "--size", "512M", "tank"])?,
        4,
        &["tank"],
    )?;
    sandbox.finish(daemon)
}

#[test]
fn a_busy_pool_names_who_holds_it() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    sandbox.ok(&["user", "new", "alice"])?;
    let before = World::look(&sandbox)?;
    let held = std::fs::File::create(sandbox.path("tank/held"))?;
    let ran = sandbox.osctl(&["pool", "export", "tank"])?;
    refused(&ran, 4, &["E-IN-USE", &std::process::id().to_string()])?;
    before
        .expect_same(&World::look(&sandbox)?)
        .context("a failed export takes itself back")?;
    drop(held);
    sandbox.finish(daemon)
}

/// Three damaged files of three kinds: each disables its own entity and is named with its line.
#[test]
fn damage_disables_only_its_own_entity() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    sandbox.ok(&["user", "new", "alice"])?;
    sandbox.ok(&["user", "new", "bob"])?;
    sandbox.ok(&["group", "new", "/a"])?;
    put(
        &sandbox.path("tank/conf/user/alice.toml"),
        "schema = 1\nuid_map = [\"0:1:\n",
    )?;
    put(
        &sandbox.path("tank/conf/group/a/config.toml"),
        "schema = 2\ncolour = \"red\"\n# end\n",
    )?;
    sandbox.ok(&["pool", "export", "tank"])?;
    sandbox.ok(&["pool", "import", "tank"])?;
    let health = sandbox.osctl(&["healthcheck"])?;
    for words in ["alice.toml:2", "a/config.toml:2", "colour"] {
        ensure!(health.stdout.contains(words), "{words}: {health:?}");
    }
    let users = sandbox.json(&["user", "ls"])?;
    let users: Vec<_> = users
        .as_array()
        .context("list")?
        .iter()
        .map(|u| &u["health"])
        .collect();
    assert_eq!(users, ["disabled", "ok"]);
    sandbox.ok(&["user", "del", "alice"])?;
    sandbox.ok(&["group", "del", "/a"])?;
    sandbox.ok(&["healthcheck"])?;
    sandbox.finish(daemon)
}

#[expect(
    clippy::disallowed_methods,
    reason = "damage done by hand, as a person would"
)]
fn put(path: &Path, text: &str) -> Result<()> {
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    Ok(std::fs::write(path, text)?)
}

#[expect(clippy::disallowed_methods, reason = "what an administrator types")]
fn subvolume(path: &str) -> Result<()> {
    let made = std::process::Command::new("btrfs")
        .args(["subvolume", "create", path])
        .output()?;
    ensure!(made.status.success(), "{made:?}");
    Ok(())
}
