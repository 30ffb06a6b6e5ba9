//! osctld and osctl, the subject.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use os_cmd::HostRunner;
use os_storage::{Btrfs, PoolPlace, Pools as _};
use os_sys::SpawnRequest;
use os_testkit::Response;
use serde_json::Value;

use super::{Action, Contender, Listing, OURS, Processes};
use crate::command;
use crate::fixture::{Fixture, POOL, Size};
use crate::series::Series;
use crate::table::Table;

/// Whose containers all are that are not measured while they are made.
const USER: &str = "crowd";

/// The container that others are clones of; it is never started.
pub(crate) const FIRST: &str = "template";

/// A daemon of its own with a loop pool.
#[derive(Debug)]
pub(crate) struct Ours {
    fixture: Fixture,
    osctl: PathBuf,
    image: PathBuf,
}

impl Ours {
    /// Starts a daemon with an empty pool, and builds the image.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let fixture = Fixture::new(Size { entities: 0 })?;
        let image = fixture.busybox()?;
        fixture.sandbox().ok(&["user", "new", USER])?;
        Ok(Self {
            fixture,
            osctl: command::find("osctl")?,
            image,
        })
    }

    /// What the question itself costs when osctl is not there to ask it, with `count` containers.
    pub(crate) fn question(
        &self,
        table: &mut Table,
        count: usize,
        runs: u32,
    ) -> anyhow::Result<()> {
        // Reading the answer is not part of the question.
        let series = Series::of(runs, || self.ask().map(drop))?;
        table.time(
            &format!("GET /v1/containers, {count} stopped"),
            OURS,
            &series,
        );
        Ok(())
    }

    /// The root of a container, as the pool has it: ids are not shifted.
    pub(crate) fn root_of(&self, id: &str) -> anyhow::Result<PathBuf> {
        let shown = self.fixture.sandbox().json(&["ct", "show", id])?;
        let root = shown["rootfs"].as_str().context("it has no root")?;
        Ok(PathBuf::from(root))
    }

    /// Stops what runs and takes everything down; fails if something is left.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        self.fixture.finish()
    }

    fn osctl(&self) -> SpawnRequest {
        let root = self.fixture.sandbox().root();
        SpawnRequest::new(&self.osctl).arg("--root").arg(root)
    }

    fn listed(&self) -> anyhow::Result<Vec<Value>> {
        Ok(self.ask()?.json()?.as_array().cloned().unwrap_or_default())
    }

    /// Asks for all containers; the answer as it came.
    fn ask(&self) -> anyhow::Result<Response> {
        let address = "/v1/containers";
        let answer = self.fixture.sandbox().request("GET", address, None)?;
        ensure!(answer.status == 200, "{address}: {}", answer.head);
        Ok(answer)
    }
}

impl Contender for Ours {
    fn name(&self) -> &'static str {
        OURS
    }

    fn command(&self, action: Action, id: &str) -> Option<SpawnRequest> {
        let osctl = self.osctl().arg("ct");
        Some(match action {
            Action::Create => osctl.args(["new", "--from-file"]).arg(&self.image).arg(id),
            Action::Start => osctl.args(["start", id]),
            Action::Exec => osctl.args(["exec", id, "/bin/true"]),
            Action::Kill => osctl.args(["stop", "--kill", id]),
            Action::Delete => osctl.args(["del", id]),
        })
    }

    fn listing(&self, listing: Listing) -> Option<SpawnRequest> {
        let ls = self.osctl().args(["ct", "ls"]);
        Some(match listing {
            Listing::Full => ls,
            Listing::States => ls.args(["-o", "id,state"]),
        })
    }

    fn make(&mut self, id: &str) -> anyhow::Result<()> {
        let create = self.command(Action::Create, id).context("no command")?;
        command::run(create.args(["--user", USER])).map(drop)
    }

    /// As the first container but with empty roots, written to the pool without a plan: making them is
    /// not what is measured.
    fn stock(&mut self, ids: &[String]) -> anyhow::Result<()> {
        self.fixture.stop()?;
        let pool = self.fixture.sandbox().path(POOL);
        let contents = Btrfs::new(Arc::new(HostRunner::new())).contents(&PoolPlace {
            name: POOL.parse()?,
            mountpoint: pool.clone(),
        });
        let config = pool.join("conf/ct");
        for id in ids {
            contents.create(&format!("{POOL}/ct/{id}").parse()?, &[])?;
            fs::create_dir(pool.join("ct").join(id).join("private"))?;
            let hooks = pool.join("hook/ct").join(id);
            fs::DirBuilder::new().mode(0o700).create(hooks)?;
            let template = config.join(format!("{FIRST}.toml"));
            fs::copy(template, config.join(format!("{id}.toml")))?;
        }
        self.fixture.launch()?;
        self.fixture.until("ready")?;
        self.fixture.check()
    }

    fn processes(&self) -> anyhow::Result<Processes> {
        let listed = self.listed()?;
        let inits = listed.iter().filter_map(|ct| ct["init_pid"].as_u64());
        Ok(Processes {
            daemon: Some(self.fixture.pid()?),
            inits: inits.map(u32::try_from).collect::<Result<_, _>>()?,
        })
    }

    fn recover(&mut self, running: usize) -> anyhow::Result<Option<Duration>> {
        self.fixture.kill()?;
        let began = Instant::now();
        self.fixture.launch()?;
        self.fixture.until("")?;
        let is_running = |ct: &Value| ct["state"] == "running";
        self.fixture.wait("done", || {
            Ok(self.listed()?.iter().filter(|ct| is_running(ct)).count() == running)
        })?;
        Ok(Some(began.elapsed()))
    }
}
