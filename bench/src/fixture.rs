//! A sandbox whose pool has as many users and groups as one wants.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use os_core::document::{self, GroupDoc, IdRangeDoc, UserBlock, UserDoc};
use os_core::layout;
use os_sys::{Access, SpawnRequest, mount_filesystem, unmount};
use os_testkit::{Daemon, Sandbox, leaks};
use os_types::{EntityRef, GroupName, IdMap, IdMapEntry, PoolName, UserName};

use crate::command;

/// The pool of every fixture.
pub(crate) const POOL: &str = "tank";

/// Nothing that is measured here takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// How much there is in a fixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Users, and as many groups beside those that every pool has.
    pub(crate) entities: u32,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entities.fmt(f)
    }
}

/// A sandbox with a daemon, or between two daemons.
#[derive(Debug)]
pub(crate) struct Fixture {
    size: Size,
    sandbox: Sandbox,
    daemon: Option<Daemon>,
}

impl Fixture {
    /// Builds the image of busybox, which all containers are made from; where it is.
    pub(crate) fn busybox(&self) -> anyhow::Result<PathBuf> {
        let image = self.sandbox.path("busybox.img");
        let build = SpawnRequest::new(command::find("osctl-image")?)
            .args(["build", "busybox", "-o"])
            .arg(&image);
        command::run(build)?;
        Ok(image)
    }

    /// Makes a loop pool and fills it; the daemon that runs afterwards has imported it.
    pub(crate) fn new(size: Size) -> anyhow::Result<Self> {
        let sandbox = Sandbox::new()?;
        fs::create_dir(sandbox.path("run"))?;
        let mut fixture = Self {
            size,
            sandbox,
            daemon: None,
        };
        fixture.mount_run()?;
        fixture.launch()?;
        fixture.until("ready")?;
        fixture.sandbox.pool(POOL)?;
        fixture.stop()?;
        fill(&fixture.sandbox.path(POOL), size)?;
        fixture.launch()?;
        fixture.until("ready")?;
        // The daemon found the pool in use, and does not register new users of such a pool.
        fixture.sandbox.ok(&["pool", "export", "-f", POOL])?;
        fixture.sandbox.ok(&["pool", "import", POOL])?;
        fixture.check()?;
        Ok(fixture)
    }

    /// How much there is in it.
    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// Its sandbox.
    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The process id of its daemon.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        let daemon = self.daemon.as_ref().context("no daemon runs")?;
        Ok(daemon.pid())
    }

    /// Starts the daemon, with the log of a normal host, and does not wait.
    pub(crate) fn launch(&mut self) -> anyhow::Result<()> {
        let log = ["--log", "info", "--log-format", "syslog"];
        self.daemon = Some(self.sandbox.launch(&log)?);
        Ok(())
    }

    /// Waits until the daemon answers and says that it is `state`; any state will do for "".
    pub(crate) fn until(&self, state: &str) -> anyhow::Result<()> {
        self.wait(state, || {
            let Ok(answer) = self.sandbox.request("GET", "/v1/ping", None) else {
                return Ok(false);
            };
            Ok(state.is_empty() || answer.json()?["state"] == state)
        })
    }

    /// Waits until `is_so`; `state` is for the error.
    pub(crate) fn wait(
        &self,
        state: &str,
        is_so: impl Fn() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            if is_so()? {
                return Ok(());
            }
            let running = self.daemon.as_ref().is_some_and(Daemon::is_running);
            ensure!(
                running && Instant::now() < until,
                "osctld is not {state}; its log:\n{}",
                self.sandbox.log()
            );
            // Short against what is measured, long enough to leave the processor to the daemon.
            std::thread::park_timeout(Duration::from_micros(300));
        }
    }

    /// Stops the daemon; the pool stays in use.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        self.daemon.take().context("no daemon runs")?.stop()
    }

    /// Ends the daemon as a crash does.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.daemon.take().context("no daemon runs")?.kill()
    }

    /// The runtime directory is in memory, as on every host: what runs costs no disk.
    fn mount_run(&self) -> anyhow::Result<()> {
        let (source, run) = (Path::new("tmpfs"), self.sandbox.path("run"));
        mount_filesystem(source, &run, "tmpfs", Access::ReadWrite, "mode=0755")?;
        Ok(())
    }

    /// Makes the host as it is after a boot: the pool is closed, no user is registered, and the runtime
    /// state is empty. The daemon must have been stopped.
    pub(crate) fn power_off(&self) -> anyhow::Result<()> {
        leaks::clean(self.sandbox.root(), &self.sandbox.cgroup_parent())?;
        self.mount_run()?;
        for (name, text) in [
            ("passwd", "root:x:0:0:root:/root:/bin/bash\n"),
            ("group", "root:x:0:\n"),
            ("subuid", ""),
            ("subgid", ""),
        ] {
            put(&self.sandbox.path("etc").join(name), text)?;
        }
        Ok(())
    }

    /// Fails unless everything is there and `osctl healthcheck` is content.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.sandbox.ok(&["healthcheck"])?;
        let wanted = self.size.entities as usize;
        for kind in ["user", "group"] {
            let listed = self.sandbox.json(&[kind, "ls"])?;
            let count = listed.as_array().map_or(0, Vec::len);
            ensure!(count >= wanted, "{count} of {wanted} {kind}s are listed");
        }
        Ok(())
    }

    /// Takes everything down; fails if something is left.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        if self.daemon.is_none() {
            self.launch()?;
            self.until("ready")?;
        }
        self.sandbox.ok(&["pool", "export", "-f", POOL])?;
        self.stop()?;
        unmount(&self.sandbox.path("run"))?;
        let left = leaks::find(self.sandbox.root(), &self.sandbox.cgroup_parent())?;
        ensure!(left.is_empty(), "left behind: {left:?}");
        Ok(())
    }
}

/// Writes the configuration of users and groups to the pool mounted at `folder`.
fn fill(folder: &Path, size: Size) -> anyhow::Result<()> {
    let pool: PoolName = POOL.parse()?;
    let range_path = folder.join("conf/id-range/default.toml");
    let mut range: IdRangeDoc =
        os_store::document::load(&range_path)?.context("the pool has no default id range")?;
    for index in 0..size.entities {
        let name: UserName = format!("user{index:04}").parse()?;
        let user = user(&mut range, &name, index)?;
        let entity = EntityRef::User {
            pool: pool.clone(),
            name,
        };
        put_config(folder, &entity, &document::text(&user))?;
        let entity = EntityRef::Group {
            pool: pool.clone(),
            name: group_name(index)?,
        };
        put_config(folder, &entity, &document::text(&GroupDoc::default()))?;
    }
    put(&range_path, &document::text(&range))
}

/// A user with the next block of the range.
fn user(range: &mut IdRangeDoc, name: &UserName, index: u32) -> anyhow::Result<UserDoc> {
    range.table.take(index, 1, Some(format!("user:{name}")))?;
    let size = range.table.block_size();
    let first = range.table.start_id() + index * size;
    let entry = IdMapEntry::new(0, first, size).context("the id range is too small")?;
    let map = IdMap::try_from(vec![entry])?;
    let mut user = UserDoc::new(map.clone(), map);
    user.block = Some(UserBlock {
        id_range: "default".parse()?,
        index,
    });
    Ok(user)
}

/// A tree with nine children a group, as hosting companies have them: a customer, then services.
fn group_name(index: u32) -> anyhow::Result<GroupName> {
    let parent = index / 10;
    Ok(match index % 10 {
        0 => format!("/customer{parent:03}").parse()?,
        child => format!("/customer{parent:03}/service{child}").parse()?,
    })
}

fn put_config(folder: &Path, entity: &EntityRef, text: &str) -> anyhow::Result<()> {
    let path = folder.join(layout::config_path(entity).context("it has no file")?);
    if let Some(parent) = path.parent().filter(|parent| !parent.is_dir()) {
        fs::create_dir(parent)?;
        set_mode(parent, 0o500)?;
    }
    put(&path, text)?;
    set_mode(&path, layout::FILE_MODE)
}

fn set_mode(path: &Path, mode: u32) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}

fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "thousands of files that no daemon has open; export writes them to the disk"
    )]
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
