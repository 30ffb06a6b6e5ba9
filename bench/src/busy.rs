//! A busy host: how long the administrator waits while guests, disks and other operations take their time.
//!
//! ```text
//!   reads   clients wait for guests, operations are in progress, an image of a pool hangs: ct ls
//!   orders  of these operations some are cancelled, then their containers are killed
//!   pools   a pool unpacks a large image, then is exported: user new on another one
//!   power   an export of many guests, some of which ignore their shutdown
//! ```

use std::fs::File;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use os_sys::SpawnRequest;
use os_testkit::HungMount;
use serde_json::{Value, json};

use crate::budget::Verdict;
use crate::command;
use crate::contender::OURS;
use crate::fixture::{Fixture, POOL, Size};
use crate::report::Report;
use crate::say;
use crate::series::Series;
use crate::table::Table;

/// The pool that is busy; [`POOL`] is the other one.
const BUSY: &str = "busy";
/// Guests that ignore their shutdown.
const DEAF: usize = 20;
/// Clients that wait until a guest has booted.
const CLIENTS: usize = 1000;
/// Stops of each guest that are in progress or wait: 300 in all.
const STOPS: usize = 15;
/// Number of guests of an export that shut down, and number of guests that ignore the signal.
const GOOD_AND_DEAF: (usize, usize) = (45, 5);
/// Bytes of the large image.
const LARGE: usize = 1_000_000_000;
/// Longest wait for anything here, the 300 s of a guest's shutdown included.
const PATIENCE: Duration = Duration::from_mins(10);

/// An init that reacts to what means a power failure, but not in a way that helps.
const INIT: &str = "trap 'echo no > /root/asked' PWR TERM; while :; do sleep 0.1; done";

/// Rows with a budget.
pub(crate) const LIST: &str = "ct ls, 1000 clients wait, 300 operations, a pool image hangs";
pub(crate) const CANCEL: &str = "operation cancel of a running stop";
pub(crate) const KILL: &str = "ct stop --kill, 15 stops before it";
pub(crate) const UNPACKING: &str = "user new, another pool unpacks 1 GB";
pub(crate) const EXPORTING: &str = "user new, another pool waits for 20 guests";
pub(crate) const POWER: &str = "pool export of 50 guests, 5 of them deaf";

/// Measures everything.
pub(crate) fn measure(report: &mut Report, runs: u32) -> anyhow::Result<()> {
    let mut busy = Busy::new()?;
    let result = busy.all(&mut report.busy, runs);
    // What runs is stopped whether or not something failed.
    let ended = busy.finish();
    report.verdicts.extend(Verdict::of_busy(&report.busy));
    result?;
    ended
}

struct Busy {
    fixture: Fixture,
    osctl: PathBuf,
    image: PathBuf,
}

impl Busy {
    fn new() -> anyhow::Result<Self> {
        let fixture = Fixture::new(Size { entities: 0 })?;
        let image = fixture.busybox()?;
        let busy = Self {
            fixture,
            osctl: command::find("osctl")?,
            image,
        };
        busy.took(&["pool", "new", "--size", "8G", BUSY])?;
        busy.took(&["user", "new", "busy:guests"])?;
        for name in (0..DEAF).map(deaf) {
            busy.make(&name)?;
            let settings = json!({ "init_cmd": ["/bin/sh", "-c", INIT] });
            let set = json!({ "pool": BUSY, "name": name, "settings": settings });
            busy.fixture.sandbox().command("container-set", &set)?;
        }
        Ok(busy)
    }

    fn all(&mut self, table: &mut Table, runs: u32) -> anyhow::Result<()> {
        say("bench: a busy host: reads and orders")?;
        self.took(&["pool", "set", "parallel-stop", BUSY, "20"])?;
        self.start_deaf(DEAF)?;
        let clients = self.reads(table, runs)?;
        self.orders(table, runs)?;
        drop(clients);
        say("bench: a busy host: pools")?;
        self.start_deaf(DEAF)?;
        self.pools(table, runs)?;
        say("bench: a busy host: the end, which waits 300 s for deaf guests")?;
        self.took(&["pool", "unset", "parallel-stop", BUSY])?;
        self.power(table)
    }

    fn reads(&self, table: &mut Table, runs: u32) -> anyhow::Result<Vec<UnixStream>> {
        let sandbox = self.fixture.sandbox();
        let list = || self.took(&["ct", "ls"]);
        let mut quiet = Series::default();
        for _ in 0..runs {
            quiet.push(list()?);
        }
        table.time("ct ls, 20 running", OURS, &quiet);

        let disks = sandbox.path("disks");
        std::fs::create_dir(&disks)?;
        let cold = disks.join("cold.img");
        let cold = cold.to_str().context("a path of text")?;
        self.took(&["pool", "new", "--size", "512M", "--file", cold, "cold"])?;
        self.took(&["pool", "export", "cold"])?;
        let hung = HungMount::over(&disks)?;
        let clients = (0..CLIENTS).map(|number| self.wait_for_guest(&deaf(number % DEAF)));
        let clients = clients.collect::<anyhow::Result<Vec<_>>>()?;
        for _ in 0..STOPS {
            for name in (0..DEAF).map(deaf) {
                self.submit("container-stop", &slow_stop(&name))?;
            }
        }
        let destroy = self.request(&["pool", "destroy", "--yes", "cold"]);
        let destroy = command::start(destroy)?;
        let mut series = Series::default();
        for _ in 0..runs {
            series.push(list()?);
        }
        table.time(LIST, OURS, &series);
        let operations = self.live("container-stop")?.len();
        ensure!(operations == DEAF * STOPS, "{operations} stops are left");
        // It fails, since its disk does not answer.
        drop(destroy.finish());
        drop(hung);
        Ok(clients)
    }

    fn orders(&self, table: &mut Table, runs: u32) -> anyhow::Result<()> {
        let mut series = Series::default();
        for _ in 0..runs {
            let stops = self.live("container-stop")?;
            let running = stops.iter().find(|stop| stop["state"] == "running");
            let id = running.context("no stop runs")?["id"].as_str();
            series.push(self.took(&["operation", "cancel", id.context("an id")?])?);
        }
        table.time(CANCEL, OURS, &series);
        table.time(KILL, OURS, &self.kill_all()?);
        self.until("the end of all stops", || {
            Ok(self.live("container-stop")?.is_empty())
        })
    }

    fn pools(&self, table: &mut Table, runs: u32) -> anyhow::Result<()> {
        let mut users = 0;
        let mut user_new = || {
            users += 1;
            self.took(&["user", "new", &format!("{POOL}:user{users}")])
        };
        let mut quiet = Series::default();
        for _ in 0..runs {
            quiet.push(user_new()?);
        }
        table.time("user new", OURS, &quiet);

        let root = json!({ "kind": "file", "path": self.large_image()? });
        let new = json!({ "pool": BUSY, "name": "large", "root": root });
        self.submit("container-new", &new)?;
        let export = json!({ "pool": BUSY, "force": true, "stop_containers": true });
        self.submit("pool-export", &export)?;
        let del = json!({ "pool": BUSY, "name": deaf(0), "force": true });
        self.submit("container-del", &del)?;
        let mut series = Series::default();
        while !self.live("container-new")?.is_empty() {
            series.push(user_new()?);
        }
        table.time(UNPACKING, OURS, &series);

        self.until_left(DEAF)?;
        let mut series = Series::default();
        for _ in 0..runs {
            series.push(user_new()?);
        }
        table.time(EXPORTING, OURS, &series);
        let row = "ct stop --kill, its pool is being exported";
        table.time(row, OURS, &self.kill_all()?);
        self.until("exported", || Ok(self.live("pool-export")?.is_empty()))?;
        self.took(&["pool", "import", BUSY]).map(drop)
    }

    /// What a poweroff does; for a pool with the default of `parallel-stop`.
    fn power(&self, table: &mut Table) -> anyhow::Result<()> {
        let (good, deaf) = GOOD_AND_DEAF;
        for name in (0..good).map(|number| format!("good{number:02}")) {
            self.make(&name)?;
            self.took(&["ct", "start", &format!("{BUSY}:{name}")])?;
        }
        self.start_deaf(deaf)?;
        let export = json!({ "pool": BUSY, "force": true, "stop_containers": true });
        let began = Instant::now();
        self.submit("pool-export", &export)?;
        self.until_left(deaf)?;
        let mut series = Series::default();
        series.push(began.elapsed());
        let row = format!("{POWER}: only these are left");
        table.time(&row, OURS, &series);
        self.until("exported", || Ok(self.live("pool-export")?.is_empty()))?;
        let mut series = Series::default();
        series.push(began.elapsed());
        table.time(POWER, OURS, &series);
        self.took(&["pool", "import", BUSY]).map(drop)
    }

    /// Takes everything down; fails if something is left.
    fn finish(self) -> anyhow::Result<()> {
        for name in (0..DEAF).map(deaf) {
            self.kill(&name)?;
        }
        self.took(&["pool", "export", "-f", BUSY])?;
        self.fixture.finish()
    }

    fn make(&self, name: &str) -> anyhow::Result<()> {
        let new = self.request(&["ct", "new", "--user", "guests", "--from-file"]);
        let new = new.arg(&self.image).arg(format!("{BUSY}:{name}"));
        command::run(new).map(drop)
    }

    fn start_deaf(&self, count: usize) -> anyhow::Result<()> {
        for name in (0..count).map(deaf) {
            self.took(&["ct", "start", &format!("{BUSY}:{name}")])?;
        }
        Ok(())
    }

    fn kill(&self, name: &str) -> anyhow::Result<Duration> {
        self.took(&["ct", "stop", "--kill", &format!("{BUSY}:{name}")])
    }

    fn kill_all(&self) -> anyhow::Result<Series> {
        let mut series = Series::default();
        for name in (0..DEAF).map(deaf) {
            series.push(self.kill(&name)?);
        }
        Ok(series)
    }

    /// Waits until an export stops `left` guests and has stopped all others.
    fn until_left(&self, left: usize) -> anyhow::Result<()> {
        self.until("the guests that do not shut down", || {
            let exports = self.live("pool-export")?;
            let export = exports.first().context("the export has ended")?;
            let steps = export["steps"].as_array().into_iter().flatten();
            let mut stops = steps.filter(|step| {
                let text = step["text"].as_str();
                text.is_some_and(|text| text.starts_with("stop container"))
            });
            let running = |step: &&Value| step["state"] == "running";
            let are_all = stops.clone().filter(running).count() == left;
            Ok(are_all && stops.all(|step| step["state"] == "done" || running(&step)))
        })
    }

    /// An image of random data, which no file system and no compression makes smaller.
    fn large_image(&self) -> anyhow::Result<PathBuf> {
        let root = self.fixture.sandbox().path("large");
        std::fs::create_dir_all(root.join("etc"))?;
        let mut file = File::create(root.join("data"))?;
        let (mut state, mut block) = (1_u64, Vec::with_capacity(1 << 20));
        for _ in 0..LARGE.div_ceil(1 << 20) {
            block.clear();
            while block.len() < 1 << 20 {
                // xorshift64 of Marsaglia.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                block.extend(state.to_ne_bytes());
            }
            file.write_all(&block)?;
        }
        let image = self.fixture.sandbox().path("large.img");
        let import = SpawnRequest::new(command::find("osctl-image")?)
            .args(["import", "--distribution", "large", "--version", "1"])
            .args(["--arch", std::env::consts::ARCH, "-o"])
            .arg(&image)
            .arg(&root);
        command::run(import)?;
        std::fs::remove_dir_all(&root)?;
        Ok(image)
    }

    fn request(&self, args: &[&str]) -> SpawnRequest {
        let root = self.fixture.sandbox().root();
        let osctl = SpawnRequest::new(&self.osctl).arg("--root").arg(root);
        osctl.args(args)
    }

    /// Runs `osctl`, which has to succeed; how long it takes.
    fn took(&self, args: &[&str]) -> anyhow::Result<Duration> {
        Ok(command::run(self.request(args))?.took)
    }

    /// Submits a command and does not wait.
    fn submit(&self, name: &str, body: &Value) -> anyhow::Result<()> {
        let path = format!("/v1/commands/{name}");
        let answer = self.fixture.sandbox().request("POST", &path, Some(body))?;
        let answer = answer.json()?;
        ensure!(answer["id"].is_string(), "{name}: {answer}");
        Ok(())
    }

    /// The operations of a command that have not ended.
    fn live(&self, command: &str) -> anyhow::Result<Vec<Value>> {
        let all = self
            .fixture
            .sandbox()
            .request("GET", "/v1/operations", None)?;
        let mut all = all.json()?.as_array().cloned().unwrap_or_default();
        all.retain(|it| it["command"] == command && it["ended"].is_null());
        Ok(all)
    }

    /// A client that waits for a guest which never says that it has booted.
    fn wait_for_guest(&self, name: &str) -> anyhow::Result<UnixStream> {
        let mut client = UnixStream::connect(self.fixture.sandbox().socket())?;
        let path = format!("/v1/containers/{BUSY}/{name}/ready?wait_ms=600000");
        write!(client, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")?;
        Ok(client)
    }

    fn until(&self, what: &str, is_so: impl Fn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
        let attempt = || anyhow::Ok(is_so()?.then_some(()));
        let found = os_sys::patience::until(PATIENCE, attempt)?;
        let log = || self.fixture.sandbox().log();
        found.with_context(|| format!("waited in vain for {what}; the log:\n{}", log()))
    }
}

fn deaf(number: usize) -> String {
    format!("deaf{number:02}")
}

fn slow_stop(name: &str) -> Value {
    let policy = json!({ "method": "shutdown-or-kill", "timeout_ms": 600_000 });
    json!({ "pool": BUSY, "name": name, "policy": policy })
}
