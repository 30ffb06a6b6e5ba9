//! Where everything of one container is on this host.

use std::path::PathBuf;

use os_cgroup::CgroupPath;
use os_core::document::ContainerDoc;
use os_core::{Account, Facts, PoolState, State, layout};
use os_types::{Code, ContainerName, Failure, GroupName, IdMap, PoolName, UserName, chain};

/// The places of a container, from its configuration as it is now.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) pool: PoolName,
    pub(crate) name: ContainerName,
    pub(crate) doc: ContainerDoc,
    pub(crate) account: Account,
    pub(crate) uid_map: IdMap,
    pub(crate) gid_map: IdMap,
    /// The guest's root, unshifted.
    pub(crate) root: PathBuf,
    /// Its log.
    pub(crate) log: PathBuf,
    /// The folder of its scripts.
    pub(crate) hooks: PathBuf,
    /// Its folder in the run folder.
    pub(crate) run: PathBuf,
    /// LXC's path.
    pub(crate) lxc_path: PathBuf,
    /// Its dataset, as text.
    pub(crate) dataset: String,
    /// Its control group below our parent group.
    pub(crate) cgroup: CgroupPath,
}

impl Place {
    /// The places of a container that can be started.
    pub(crate) fn of(
        state: &State,
        facts: &Facts,
        pool: &PoolName,
        name: &ContainerName,
    ) -> Result<Self, Failure> {
        let found = state.find_container(Some(pool), name);
        let found = found.map_err(|error| Failure::from(&error))?;
        let doc = found.entry.usable().map_err(Clone::clone)?.doc.clone();
        let user = state.find_user(Some(pool), &doc.user);
        let user = user.map_err(|error| Failure::from(&error))?;
        let maps = &user.entry.usable().map_err(Clone::clone)?.doc;
        let account = facts.account(pool, &doc.user).cloned().ok_or_else(|| {
            let text = format!("user {pool}:{} is not registered", doc.user);
            Failure::new(Code::NotFound, text)
                .next(format!("osctl user register {pool}:{}", doc.user))
        })?;
        let (uid_map, gid_map) = (maps.uid_map.clone(), maps.gid_map().clone());
        Self::assemble(found.pool, facts, name, doc, account, (uid_map, gid_map))
    }

    fn assemble(
        pool: &PoolState,
        facts: &Facts,
        name: &ContainerName,
        doc: ContainerDoc,
        account: Account,
        (uid_map, gid_map): (IdMap, IdMap),
    ) -> Result<Self, Failure> {
        let default = layout::container_dataset(pool.dataset(), name)?;
        let dataset = doc.dataset.clone().unwrap_or(default);
        Ok(Self {
            root: layout::dataset_folder(&facts.root, &dataset).join(layout::PRIVATE),
            log: pool.folder().join(layout::container_log(name)),
            hooks: pool.folder().join(layout::hook_folder(name)),
            run: layout::container_run_folder(&facts.run_dir, pool.name(), name),
            lxc_path: layout::lxc_path(&account.home, &doc.group),
            dataset: dataset.to_string(),
            cgroup: cgroup(pool.name(), &doc.group, &doc.user, name)?,
            pool: pool.name().clone(),
            name: name.clone(),
            doc,
            account,
            uid_map,
            gid_map,
        })
    }

    /// The group that belongs to the container's system user.
    pub(crate) fn delegated(&self) -> Result<CgroupPath, Failure> {
        join(&self.cgroup, layout::DELEGATED_CGROUP)
    }
}

/// The control group of a container.
pub(crate) fn cgroup(
    pool: &PoolName,
    group: &GroupName,
    user: &UserName,
    name: &ContainerName,
) -> Result<CgroupPath, Failure> {
    parse(&layout::container_cgroup(pool, group, user, name))
}

/// A path of a control group below our parent group.
pub(crate) fn parse(path: &str) -> Result<CgroupPath, Failure> {
    let parsed = path.parse::<CgroupPath>();
    parsed.map_err(|error| Failure::new(Code::Internal, chain(&error)))
}

/// The group of the guest's processes within a container's control group.
pub(crate) fn payload(cgroup: &CgroupPath, name: &ContainerName) -> Result<CgroupPath, Failure> {
    join(
        &join(cgroup, layout::DELEGATED_CGROUP)?,
        &layout::payload_cgroup(name),
    )
}

fn join(path: &CgroupPath, name: &str) -> Result<CgroupPath, Failure> {
    let joined = path.join(name);
    joined.map_err(|error| Failure::new(Code::Internal, chain(&error)))
}
