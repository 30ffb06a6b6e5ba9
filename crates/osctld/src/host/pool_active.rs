//! Open pools that are taken into use, or out of it.

use std::path::Path;

use os_api::EventBody;
use os_api::view::PoolState as Stage;
use os_core::layout;
use os_engine::{Outcome, StepCheck, StepContext};
use os_store::atomic::{self, Attributes};
use os_types::plan::JournalPlace;
use os_types::step::PoolActiveStep;
use os_types::{Code, Failure, PoolName, Presence, Step, chain};

use super::{HostStep, LinuxHost, cgroup, kind};

impl HostStep for PoolActiveStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let is_loaded = host.state().pool(&self.pool).is_some();
        Ok(StepCheck::done_if(match self.to {
            Presence::Present => is_loaded,
            Presence::Absent => !is_loaded && !host.paths().pool_run(&self.pool).exists(),
        }))
    }

    fn apply(&self, host: &LinuxHost, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        match self.to {
            Presence::Present => activate(host, &self.pool, context)?,
            Presence::Absent => deactivate(host, &self.pool, self.keep_users)?,
        }
        Ok(Outcome::Changed)
    }
}

fn activate(host: &LinuxHost, pool: &PoolName, context: &StepContext<'_>) -> Result<(), Failure> {
    announce(host, pool, Stage::Importing);
    let _importing = host.importing.enter(pool);
    host.learn_scope(pool)?;
    host.lay_out(pool)?;
    sweep(&host.scopes.folder(pool).join("conf"));
    context.recover(&JournalPlace::Pool { pool: pool.clone() })?;

    let mut loaded = host.load(pool)?;
    if let Some(failure) = loaded.too_new() {
        return Err(failure.clone());
    }
    for step in layout::missing_defaults(&loaded) {
        kind(&step).apply(host, context)?;
        if let Step::File(file) = &step {
            loaded.apply_file(file.path.relative(), file.after.as_deref());
        }
    }
    for failure in loaded.failures() {
        tracing::warn!(%pool, %failure, "disabled");
    }
    let run = host.paths().pool_run(pool);
    let scope = run.join(layout::SCOPE_FILE);
    for folder in [run.clone(), run.join("users"), run.join("containers")] {
        atomic::create_dir(&folder, Attributes::mode(layout::RUN_MODE))?;
    }
    // Before anybody sees the pool: what runs is never listed as stopped.
    host.find_running(&loaded)?;
    host.take_in(loaded);
    match host.register_all(pool) {
        // What is registered stays so, and the rest of the pool can be used. `healthcheck` tells.
        Err(failure) if failure.code == Code::Damaged => {
            tracing::error!(%pool, %failure, "users are not registered");
        }
        other => other?,
    }
    let dataset = host.scopes.dataset(pool);
    atomic::replace(&scope, dataset.as_str().as_bytes(), Attributes::mode(0o444))?;
    announce(host, pool, Stage::Active);
    Ok(())
}

fn deactivate(host: &LinuxHost, pool: &PoolName, keep_users: bool) -> Result<(), Failure> {
    announce(host, pool, Stage::Disabled);
    let changed = host.cache.change(|state| state.remove(pool));
    host.news.changed(changed);
    host.runtime.forget_pool(pool);
    if !keep_users {
        host.unregister_all(pool)?;
    }
    cgroup::forget(host.runtime.cgroups(), pool);
    super::leftovers::remove_tree(&host.paths().pool_run(pool))?;
    announce(host, pool, Stage::Exported);
    Ok(())
}

fn announce(host: &LinuxHost, pool: &PoolName, state: Stage) {
    host.news.tell(EventBody::Pool {
        pool: pool.clone(),
        state,
    });
}

/// Removes temporary files that a crash left in `folder` and below: folders of groups are as deep as
/// their names, and one that is not empty could not be removed.
fn sweep(folder: &Path) {
    match atomic::sweep(folder) {
        Ok(0) => {}
        Ok(count) => tracing::info!(?folder, count, "removed temporary files"),
        Err(error) => tracing::warn!(error = chain(&error), "cannot remove temporary files"),
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sweep(&entry.path());
        }
    }
}
