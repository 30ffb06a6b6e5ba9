//! A container as the runtime has to know it, from its configuration and the host's accounts.

use std::sync::Arc;

use os_cgroup::CgroupPath;
use os_core::document::ContainerDoc;
use os_core::state::{Entry, PartOf};
use os_core::{PoolState, State, layout};
use os_runtime::{ContainerPaths, ContainerSpec, StopTarget};
use os_types::{Code, ContainerRef, Failure, GroupName, PoolName, UserName, chain};

use super::LinuxHost;

impl LinuxHost {
    /// Everything that a start of this container needs.
    ///
    /// *Errors*: its configuration or that of its user cannot be read, or its user is not registered.
    pub(super) fn container_spec(
        &self,
        container: &ContainerRef,
    ) -> Result<ContainerSpec, Failure> {
        self.learn_foreign(&self.foreign.now()?.0);
        let state = self.state_of(&container.pool)?;
        let ContainerRef { pool, name } = container;
        let found = state.find(Some(pool), name);
        let found = found?;
        let doc = &found.entry.usable().map_err(Clone::clone)?.doc;
        let user = state.find(Some(pool), &doc.user);
        let user = user?;
        let user = &user.entry.usable().map_err(Clone::clone)?.doc;
        let run_dir = self.paths().run();
        let accounts = self.accounts.now();
        let account = accounts.get(&layout::home(&run_dir, pool, &doc.user));
        let account = account.ok_or_else(|| {
            let text = format!("user {pool}:{} is not registered", doc.user);
            Failure::new(Code::NotFound, text)
                .next(format!("osctl user register {pool}:{}", doc.user))
        })?;
        let default = layout::container_dataset(found.pool.dataset(), name)?;
        let dataset = doc.dataset.as_ref().unwrap_or(&default);
        Ok(ContainerSpec {
            container: container.clone(),
            user: doc.user.clone(),
            group: doc.group.clone(),
            ugid: account.ugid,
            home: account.home.clone(),
            uid_map: user.uid_map.clone(),
            gid_map: user.gid_map().clone(),
            cgroup: cgroup(container, &doc.group, &doc.user)?,
            paths: ContainerPaths {
                root: layout::dataset_folder(self.paths().root(), dataset).join(layout::PRIVATE),
                log: found.pool.folder().join(layout::container_log(name)),
                hooks: found.pool.folder().join(layout::hook_folder(name)),
                run: layout::container_run_folder(&run_dir, pool, name),
                lxc_path: layout::lxc_path(&account.home, &doc.group),
            },
            dataset: dataset.to_string(),
            distribution: doc.distribution.clone(),
            version: doc.version.clone(),
            arch: doc.arch.clone(),
            settings: doc.settings.effective(),
            prlimits: found.pool.effective(PartOf::Container(doc)),
        })
    }

    /// The container as something to be stopped; `None` if it neither has a configuration that can be
    /// read nor runs.
    pub(crate) fn stop_target(
        &self,
        container: &ContainerRef,
    ) -> Result<Option<StopTarget>, Failure> {
        let live = self.runtime().recorded(container);
        let cgroup = if let Some(live) = live {
            Some(live.cgroup)
        } else {
            let state = self.state_of(&container.pool)?;
            let found = state.find(Some(&container.pool), &container.name).ok();
            found.map_or(Ok(None), |found| self.cgroup_of(container, found.entry))?
        };
        let spec = self.container_spec(container).ok();
        Ok(cgroup.map(|cgroup| self.target(container, cgroup, spec)))
    }

    /// As [`LinuxHost::stop_target`], for each container of a pool that is being imported.
    pub(super) fn stop_targets(&self, pool: &PoolState) -> Result<Vec<StopTarget>, Failure> {
        let targets = pool.containers().iter().map(|(name, entry)| {
            let container = ContainerRef::new(pool.name(), name);
            let cgroup = self.cgroup_of(&container, entry)?;
            // An import runs no hook scripts; and while the pool is not in the state, each look at
            // a configuration would read all of them.
            Ok(cgroup.map(|cgroup| self.target(&container, cgroup, None)))
        });
        targets.filter_map(Result::transpose).collect()
    }

    /// The control group of a container; of one whose file does not tell its owner, the one that it was
    /// started in.
    fn cgroup_of(
        &self,
        container: &ContainerRef,
        entry: &Entry<ContainerDoc>,
    ) -> Result<Option<CgroupPath>, Failure> {
        match (entry.group(), entry.user()) {
            (Some(group), Some(user)) => cgroup(container, &group, &user).map(Some),
            _ => Ok(os_runtime::recorded_cgroup(&self.run_of(container))),
        }
    }

    fn run_of(&self, container: &ContainerRef) -> std::path::PathBuf {
        layout::container_run_folder(&self.paths().run(), &container.pool, &container.name)
    }

    fn target(
        &self,
        container: &ContainerRef,
        cgroup: CgroupPath,
        spec: Option<ContainerSpec>,
    ) -> StopTarget {
        StopTarget {
            container: container.clone(),
            cgroup,
            run: self.run_of(container),
            spec,
        }
    }

    /// The state with this pool in it. While the pool is being imported, and what a crash left is
    /// settled, only its files know what is on it.
    pub(super) fn state_of(&self, pool: &PoolName) -> Result<Arc<State>, Failure> {
        let state = self.state();
        if state.pool(pool).is_some() || !self.importing().contains(pool) {
            return Ok(state);
        }
        let mut state = State::clone(&state);
        state.insert(self.load(pool)?);
        Ok(Arc::new(state))
    }
}

/// The control group of a container below our parent group.
fn cgroup(
    container: &ContainerRef,
    group: &GroupName,
    user: &UserName,
) -> Result<CgroupPath, Failure> {
    let path = layout::container_cgroup(&container.pool, group, user, &container.name);
    let path = path.parse::<CgroupPath>();
    path.map_err(|error| Failure::new(Code::Internal, chain(&error)))
}
