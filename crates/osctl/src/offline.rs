//! Reading the pools themselves, when the daemon does not run.
//!
//! The files on a pool are the truth, and the daemon's memory only a cache of them, so whatever
//! reads without changing can do without it. What only a running daemon knows (operations, order of
//! import, figures of control groups) is left out.

mod states;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use os_api::view::{self, PoolState as Activity};
use os_core::state::{EntityName, LoadError};
use os_core::view::{Extent, PoolFigures};
use os_core::{AccountLines, Accounts, ForeignIds, PoolState, Running, State, ViewFacts, layout};
use os_store::block;
use os_types::{
    ByteSize, Code, ContainerName, ContainerRef, DatasetName, Failure, GroupName, IdRangeName,
    PoolName, UserName, chain,
};

use crate::target::Ref;

/// What the mounted pools say.
#[derive(Debug)]
pub(crate) struct Offline {
    state: State,
    facts: ViewFacts,
    running: BTreeMap<ContainerRef, Running>,
    /// Pools that are imported, and cannot be read without the daemon.
    pub(crate) unread: Vec<PoolName>,
}

impl Offline {
    /// Reads all pools that are imported below `root`.
    ///
    /// # Errors
    /// When a directory of a pool or an account file cannot be read; a damaged configuration file is
    /// no error, it disables its entity.
    pub(crate) fn read(root: &Path) -> Result<Self, Failure> {
        let etc = root.join("etc");
        let mut state = State::new();
        let mut unread = Vec::new();
        for pool in imported(root)? {
            let dataset = scope(root, &pool);
            let folder = layout::dataset_folder(root, &dataset);
            if folder.join("conf").is_dir() {
                let loaded = PoolState::load_dir(&dataset, folder);
                drop(state.insert(loaded.map_err(load)?));
            } else {
                // Not mounted.
                unread.push(pool);
            }
        }
        let mut facts = facts(root);
        // Below another root than `/` there may be no account files before the first registration.
        if etc.is_dir() {
            facts.accounts = accounts(&etc)?.into();
            drop(state.set_foreign(Arc::new(foreign(&etc)?)));
        }
        Ok(Self {
            running: states::read(&state, &facts.cgroup_parent),
            state,
            facts,
            unread,
        })
    }

    pub(crate) fn pools(&self) -> Vec<view::Pool> {
        self.state
            .pools()
            .iter()
            .map(|pool| self.pool_view(pool))
            .collect()
    }

    pub(crate) fn pool(&self, name: &PoolName) -> Result<view::Pool, Failure> {
        let pool = self.state.pool_or_default(Some(name));
        Ok(self.pool_view(pool?))
    }

    pub(crate) fn users(&self, pool: Option<&PoolName>) -> Result<Vec<view::User>, Failure> {
        Ok(os_core::view::users(&self.state, &self.facts, pool)?)
    }

    pub(crate) fn user(&self, user: &Ref<UserName>) -> Result<view::User, Failure> {
        let pool = self.pool_of(user)?;
        seen(os_core::view::user(
            &self.state,
            &self.facts,
            pool,
            &user.name,
        ))
    }

    pub(crate) fn groups(&self, pool: Option<&PoolName>) -> Result<Vec<view::Group>, Failure> {
        Ok(os_core::view::groups(&self.state, &self.facts, pool)?)
    }

    pub(crate) fn group(&self, group: &Ref<GroupName>) -> Result<view::Group, Failure> {
        let pool = self.pool_of(group)?;
        seen(os_core::view::group(&self.facts, pool, &group.name))
    }

    pub(crate) fn containers(
        &self,
        pool: Option<&PoolName>,
    ) -> Result<Vec<view::Container>, Failure> {
        let found =
            os_core::view::containers(&self.state, &self.facts, pool, &self.running, Extent::Full)?;
        Ok(found)
    }

    pub(crate) fn container(
        &self,
        container: &Ref<ContainerName>,
    ) -> Result<view::Container, Failure> {
        let name = &container.name;
        let pool = self.pool_of(container)?;
        seen(os_core::view::container(
            &self.state,
            &self.facts,
            pool,
            name,
            self.running.get(&ContainerRef::new(pool.name(), name)),
            Extent::Full,
        ))
    }

    pub(crate) fn id_ranges(&self, pool: Option<&PoolName>) -> Result<Vec<view::IdRange>, Failure> {
        Ok(os_core::view::id_ranges(&self.state, pool)?)
    }

    pub(crate) fn id_range(&self, range: &Ref<IdRangeName>) -> Result<view::IdRange, Failure> {
        seen(os_core::view::id_range(self.pool_of(range)?, &range.name))
    }

    pub(crate) fn id_table(
        &self,
        range: &Ref<IdRangeName>,
    ) -> Result<Vec<view::IdSegment>, Failure> {
        seen(os_core::view::segments(self.pool_of(range)?, &range.name))
    }

    fn pool_of<N: EntityName>(&self, what: &Ref<N>) -> Result<&PoolState, Failure> {
        Ok(self.state.find(what.pool.as_ref(), &what.name)?.pool)
    }

    fn pool_view(&self, pool: &PoolState) -> view::Pool {
        let space = os_sys::space_of(pool.folder()).ok();
        let figures = PoolFigures {
            source: None,
            size: space.map(|space| ByteSize(space.total)),
            used: space.map(|space| ByteSize(space.total - space.free)),
            available: space.map(|space| ByteSize(space.available)),
        };
        os_core::view::pool(&self.state, pool, Activity::Active, figures)
    }
}

/// The pools with a runtime directory, by name: the daemon makes it at import and removes it at export.
fn imported(root: &Path) -> Result<Vec<PoolName>, Failure> {
    let folder = root.join("run/osctl/pools");
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::PermissionDenied => Code::Privilege,
                _ => Code::File,
            };
            let message = format!("cannot list {}: {error}", folder.display());
            return Err(Failure::new(code, message));
        }
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let mut pools: Vec<PoolName> = names
        .filter_map(|name| name.to_str().and_then(|name| name.parse().ok()))
        .collect();
    pools.sort();
    Ok(pools)
}

/// The registered system users of osctl.
fn accounts(etc: &Path) -> Result<Accounts, Failure> {
    let lines = |name: &str| {
        let lines = block::read(&etc.join(name)).map_err(|error| account_file(&error))?;
        Ok::<_, Failure>(lines.join("\n"))
    };
    Ok(Accounts::parse(&AccountLines {
        passwd: lines("passwd")?,
        group: lines("group")?,
        subuid: lines("subuid")?,
        subgid: lines("subgid")?,
    }))
}

/// What the account files say outside our blocks: a user with the same ids is disabled.
fn foreign(etc: &Path) -> Result<ForeignIds, Failure> {
    let text = |name: &str| block::outside(&etc.join(name)).map_err(|error| account_file(&error));
    Ok(ForeignIds::parse(
        &text("passwd")?,
        &text("group")?,
        &text("subuid")?,
        &text("subgid")?,
    ))
}

/// The scoped dataset of an imported pool, as the daemon noted it; else the pool's own.
fn scope(root: &Path, pool: &PoolName) -> DatasetName {
    let noted = layout::run_folder(&root.join("run/osctl"), pool).join(layout::SCOPE_FILE);
    let noted = fs::read_to_string(noted).unwrap_or_default();
    noted
        .trim()
        .parse()
        .unwrap_or_else(|_| DatasetName::from(pool))
}

/// The host, as far as views depend on it.
fn facts(root: &Path) -> ViewFacts {
    ViewFacts {
        root: root.to_owned(),
        run_dir: root.join("run/osctl"),
        state_dir: root.join("var/lib/osctl"),
        etc_dir: root.join("etc"),
        cgroup_parent: layout::cgroup_parent(root),
        accounts: Arc::default(),
    }
}

/// A view of something that was just found.
fn seen<T>(view: Option<T>) -> Result<T, Failure> {
    view.ok_or_else(|| Failure::new(Code::Internal, "what was found has no view"))
}

fn load(error: LoadError) -> Failure {
    let denied = matches!(&error, LoadError::Read { source, .. } if source.kind() == ErrorKind::PermissionDenied);
    let mut failure = Failure::from(error);
    if denied {
        failure.code = Code::Privilege;
    }
    failure
}

fn account_file(error: &block::BlockError) -> Failure {
    Failure::new(Code::Damaged, chain(error))
}
