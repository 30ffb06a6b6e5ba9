//! Incus with a daemon and a directory of its own, and a btrfs in a file as its pool, like ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use os_cgroup::Layout;
use os_sys::{Child, Signal, SpawnRequest};
use serde_json::Value;

use super::{Action, Contender, INCUS, Listing, Processes};
use crate::{command, say};

/// The image.
const IMAGE: &str = "busybox";

/// What an image of Incus says of itself.
const METADATA: &str = "architecture: x86_64\ncreation_date: 1\nproperties:\n  os: busybox\n";

/// Its daemon ends within this time.
const PATIENCE: Duration = Duration::from_mins(1);

/// A daemon with one pool and one image.
#[derive(Debug)]
pub(crate) struct Incus {
    folder: PathBuf,
    daemon: Child,
}

impl Incus {
    /// Starts it in `folder` and imports `root` as the image of every container.
    pub(crate) fn new(folder: &Path, root: &Path) -> anyhow::Result<Self> {
        let folder = folder.join("incus");
        fs::create_dir(&folder)?;
        let daemon = launch(&folder)?;
        let incus = Self { folder, daemon };
        if let Err(error) = incus.fill(root) {
            incus.finish()?;
            return Err(error);
        }
        Ok(incus)
    }

    fn fill(&self, root: &Path) -> anyhow::Result<()> {
        self.wait()?;
        let metadata = self.folder.join("metadata.yaml");
        #[expect(
            clippy::disallowed_methods,
            reason = "a temporary file that no other process reads yet"
        )]
        fs::write(&metadata, METADATA)?;
        let (described, tree) = (self.folder.join("meta.tar"), self.folder.join("root.tar"));
        let tar = || Ok::<_, anyhow::Error>(SpawnRequest::new(command::find("tar")?).arg("-cf"));
        let from = [self.folder.as_path(), Path::new("metadata.yaml")];
        command::run(tar()?.arg(&described).arg("-C").args(from))?;
        command::run(tar()?.arg(&tree).arg("-C").arg(root).arg("."))?;
        let pool = ["storage", "create", "default", "btrfs", "size=5GiB"];
        command::run(self.incus()?.args(pool))?;
        let disk = [
            "profile",
            "device",
            "add",
            "default",
            "root",
            "disk",
            "path=/",
            "pool=default",
        ];
        command::run(self.incus()?.args(disk))?;
        let import = self.incus()?.args(["image", "import"]).arg(&described);
        command::run(import.arg(&tree).args(["--alias", IMAGE]))?;
        Ok(())
    }

    /// Stops what runs, and the daemon.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        command::run(self.incus()?.args(["stop", "--force", "--all"]))?;
        self.daemon.pidfd().send_signal(Signal::POWER)?;
        if self.daemon.wait(PATIENCE)?.is_none() {
            self.daemon.pidfd().send_signal(Signal::KILL)?;
            self.daemon.wait(PATIENCE)?;
        }
        // Monitors of root wait in this group while their own groups are removed; Incus never removes it.
        for hierarchy in Layout::detect()?.hierarchies() {
            let pivot = hierarchy.root.join("lxc.pivot");
            if let Err(error) = fs::remove_dir(&pivot) {
                // It is not ours alone: another Incus of this host may be using it.
                say(&format!("bench: {}: {error}", pivot.display()))?;
            }
        }
        Ok(())
    }

    fn wait(&self) -> anyhow::Result<()> {
        let patience = PATIENCE.as_secs().to_string();
        let wait = ["admin", "waitready", "--timeout", &patience];
        command::run(self.incus()?.args(wait)).map(drop)
    }

    fn incus(&self) -> anyhow::Result<SpawnRequest> {
        Ok(SpawnRequest::new(command::find("incus")?)
            .env("INCUS_DIR", &self.folder)
            .env("INCUS_CONF", self.folder.join("client"))
            .env("HOME", &self.folder))
    }

    fn states(&self) -> anyhow::Result<Vec<Value>> {
        let query = self.incus()?.args(["query", "/1.0/instances?recursion=2"]);
        let answer: Value = serde_json::from_str(&command::run(query)?.text)?;
        let list = answer.as_array().context("incus lists nothing")?;
        Ok(list
            .iter()
            .map(|instance| instance["state"].clone())
            .collect())
    }

    fn running(&self) -> anyhow::Result<usize> {
        let list = self.incus()?.args(["list", "-f", "csv", "-c", "s"]);
        let states = command::run(list)?.text;
        Ok(states.lines().filter(|state| *state == "RUNNING").count())
    }
}

/// Starts the daemon.
fn launch(folder: &Path) -> anyhow::Result<Child> {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("incusd.log"))?;
    let incusd = SpawnRequest::new(command::find("incusd")?)
        .env("INCUS_DIR", folder)
        .env("HOME", folder)
        .env("PATH", "/usr/libexec/incus:/usr/sbin:/usr/bin:/sbin:/bin")
        .stdout(log.try_clone()?)
        .stderr(log);
    Ok(os_sys::spawn(incusd)?)
}

impl Contender for Incus {
    fn name(&self) -> &'static str {
        INCUS
    }

    fn command(&self, action: Action, id: &str) -> Option<SpawnRequest> {
        let incus = self.incus().ok()?;
        Some(match action {
            Action::Create => incus.args(["init", IMAGE, id]),
            Action::Start => incus.args(["start", id]),
            Action::Exec => incus.args(["exec", id, "--", "/bin/true"]),
            Action::Kill => incus.args(["stop", "--force", id]),
            Action::Delete => incus.args(["delete", id]),
        })
    }

    fn listing(&self, listing: Listing) -> Option<SpawnRequest> {
        let list = self.incus().ok()?.arg("list");
        Some(match listing {
            Listing::Full => list,
            Listing::States => list.args(["-c", "ns"]),
        })
    }

    fn make(&mut self, id: &str) -> anyhow::Result<()> {
        let create = self.command(Action::Create, id).context("no command")?;
        command::run(create).map(drop)
    }

    fn processes(&self) -> anyhow::Result<Processes> {
        let mut inits = Vec::new();
        for state in self.states()? {
            let pid = state["pid"].as_u64().filter(|pid| *pid > 0);
            inits.extend(pid.map(u32::try_from).transpose()?);
        }
        Ok(Processes {
            daemon: Some(self.daemon.pid()),
            inits,
        })
    }

    fn recover(&mut self, running: usize) -> anyhow::Result<Option<Duration>> {
        self.daemon.pidfd().send_signal(Signal::KILL)?;
        self.daemon.wait(PATIENCE)?;
        let began = Instant::now();
        self.daemon = launch(&self.folder)?;
        self.wait()?;
        while self.running()? < running {
            ensure!(
                began.elapsed() < PATIENCE,
                "incus does not find its containers"
            );
        }
        Ok(Some(began.elapsed()))
    }
}
