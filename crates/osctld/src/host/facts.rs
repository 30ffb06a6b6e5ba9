//! What plans and views have to know of this host.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use os_api::Command;
use os_api::view::SourceKind;
use os_core::facts::{Facts, ForeignIds, KnownSource, Running, ViewFacts};
use os_runtime::LiveContainer;
use os_storage::{PoolSource, ZFS_DEVICE};
use os_sys::{MountEntry, MountTable, Space, space_of};
use os_types::{ByteSize, Code, ContainerRef, Failure, PoolName};

use super::reservation::chooses_ids;
use super::{LinuxHost, source};

/// How long a command about a pool waits for the sources of pools to answer.
const SOURCE_DEADLINE: Duration = Duration::from_secs(10);

impl LinuxHost {
    /// The host as listings show it. Touches no file.
    pub(crate) fn view_facts(&self) -> ViewFacts {
        let paths = self.paths();
        ViewFacts {
            root: paths.root().to_path_buf(),
            run_dir: paths.run(),
            state_dir: paths.state(),
            etc_dir: paths.etc(),
            cgroup_parent: paths.cgroup_parent(),
            accounts: self.accounts.now(),
        }
    }

    /// The host at this moment, without what only commands ask for: what runs, `taken_names`, `storage`
    /// and what is at the sources of pools. Touches only files of the host itself. The state of a later
    /// moment agrees with it about the ids that the host has.
    pub(crate) fn facts(&self) -> Result<Facts, Failure> {
        let (foreign, account_damage) = self.foreign.now()?;
        self.learn_foreign(&foreign);
        Ok(Facts {
            view: self.view_facts(),
            running: BTreeMap::new(),
            foreign,
            account_damage,
            ids_failure: self.cache.unsaved().clone(),
            sources: self.sources()?,
            zfs: Path::new(ZFS_DEVICE).exists().then(|| ZFS_DEVICE.into()),
            taken_names: BTreeSet::new(),
            running_ids: Vec::new(),
            highest_limit: None,
            storage: os_core::StorageFacts::default(),
        })
    }

    /// Takes the ids of the host itself into the state: users with the same ids are disabled.
    pub(super) fn learn_foreign(&self, foreign: &Arc<ForeignIds>) {
        if self.state().foreign() != foreign {
            let foreign = Arc::clone(foreign);
            let changed = self.cache.change(|state| state.set_foreign(foreign));
            self.news.changed(changed);
        }
    }

    /// The host at this moment, for a plan of this command.
    pub(crate) fn facts_for(&self, command: &Command) -> Result<Facts, Failure> {
        // Looked at is only what the plan needs: other file systems of the host may hang.
        let mounted = match command {
            Command::PoolNew(body) => Some(&body.pool),
            Command::PoolInstall(body) => Some(&body.pool),
            Command::PoolImport(body) => Some(&body.pool),
            _ => None,
        };
        let mut taken_names = BTreeSet::new();
        if let Some(pool) = mounted
            && self.is_name_taken(pool)?
        {
            taken_names.insert(pool.to_string());
        }
        let mut facts = self.facts()?;
        if let Command::PoolDestroy(_) = command {
            facts.sources = self.look_at_sources(SOURCE_DEADLINE)?;
        }
        if chooses_ids(command) {
            facts.running_ids = self.running_ids();
        }
        // The plans of these depend on what runs.
        let kinds = ["container-", "pool-export"];
        if kinds.iter().any(|kind| command.name().starts_with(kind)) {
            facts.running = self.running();
        }
        if let Command::PrlimitSet(body) = command {
            facts.highest_limit = os_sys::highest_limit(body.key.as_str());
        }
        facts.taken_names = taken_names;
        facts.storage = self.storage_facts(command)?;
        Ok(facts)
    }

    /// The containers that are not stopped.
    pub(super) fn running(&self) -> BTreeMap<ContainerRef, Running> {
        let live = self.runtime().containers().into_iter();
        live.map(|(container, live)| (container, running(&live)))
            .collect()
    }

    /// The pools this host knows, without inspecting their sources.
    pub(crate) fn sources(&self) -> Result<BTreeMap<PoolName, KnownSource>, Failure> {
        let mut sources = BTreeMap::new();
        for name in names(&self.paths().sources())? {
            let Ok(pool) = name.parse::<PoolName>() else {
                continue;
            };
            if let Some(path) = source::read(&self.paths().source(&pool))? {
                let (kind, size) = (SourceKind::Unreachable, ByteSize(0));
                sources.insert(pool, KnownSource { path, kind, size });
            }
        }
        Ok(sources)
    }

    /// Where the host finds a pool, if it knows.
    pub(crate) fn source(&self, pool: &PoolName) -> Option<PathBuf> {
        source::read(&self.paths().source(pool)).ok().flatten()
    }

    /// The pools this host knows, and what is at their sources. Waits at most `wait` for all of them;
    /// those that have not answered then are [`SourceKind::Unreachable`].
    pub(crate) fn look_at_sources(
        &self,
        wait: Duration,
    ) -> Result<BTreeMap<PoolName, KnownSource>, Failure> {
        let mut sources = self.sources()?;
        let deadline = Instant::now() + wait;
        let probes: Vec<_> = sources
            .values()
            .map(|known| {
                let path = known.path.clone();
                self.source_probes
                    .begin(&known.path, move || look_at_source(path))
            })
            .collect();
        for (known, probe) in sources.values_mut().zip(probes) {
            if let Some((kind, size)) = self.source_probes.end(&known.path, probe, wait, deadline) {
                (known.kind, known.size) = (kind, size);
            }
        }
        Ok(sources)
    }

    /// Size and use of an imported pool; `None` if it does not answer within `wait`.
    pub(crate) fn pool_space(&self, pool: &PoolName, wait: Duration) -> Option<Space> {
        let path = self.paths().pool(pool);
        let own = path.clone();
        let probe = self.space_probes.begin(&path, move || space_of(&own).ok());
        let answer = self
            .space_probes
            .end(&path, probe, wait, Instant::now() + wait);
        answer.flatten()
    }

    /// Whether something other than an empty directory is where a pool would be mounted. At its place
    /// may be a known pool that a daemon before this one mounted, and a zpool of that name.
    fn is_name_taken(&self, pool: &PoolName) -> Result<bool, Failure> {
        let at = self.paths().pool(pool);
        let mounts = MountTable::read().map_err(|error| {
            Failure::new(Code::System, format!("cannot read the mounts: {error}"))
        })?;
        let is_known = || self.paths().source(pool).is_symlink();
        let is_zpool =
            |at: &MountEntry| at.fstype == "zfs" && at.source == Path::new(pool.as_str());
        if mounts
            .at(&at)
            .is_some_and(|mount| is_known() || is_zpool(mount))
        {
            return Ok(false);
        }
        Ok(match fs::read_dir(&at) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        })
    }
}

/// A live container as plans and views see it.
pub(crate) fn running(live: &LiveContainer) -> Running {
    Running {
        state: live.state,
        exec_only: live.is_exec_only(),
        init_pid: live.init_pid(),
        monitor_pid: live.monitor_pid,
        started: live.started,
        started_with: live.started_with.clone(),
    }
}

/// What is at the source of a pool, and its size if it is a file. Hangs if its file system does.
fn look_at_source(path: PathBuf) -> (SourceKind, ByteSize) {
    let found = fs::metadata(&path).ok();
    let kind = match (&found, source::kind(path)) {
        (_, PoolSource::Zpool) => SourceKind::Zpool,
        (None, _) => SourceKind::Missing,
        (_, PoolSource::Image(_)) => SourceKind::Image,
        (_, PoolSource::BlockDevice(_)) => SourceKind::Device,
        (_, PoolSource::Directory(_)) => SourceKind::Folder,
    };
    let image = found.filter(fs::Metadata::is_file);
    (kind, ByteSize(image.map_or(0, |found| found.len())))
}

/// Names in a directory; none if there is no such directory.
fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    match fs::read_dir(folder) {
        Ok(entries) => {
            let names = entries.flatten().map(|entry| entry.file_name());
            Ok(names.filter_map(|name| name.into_string().ok()).collect())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Failure::new(
            Code::File,
            format!("cannot list {}: {error}", folder.display()),
        )),
    }
}
