//! Open pools that are prepared for use: directories, default documents, the journal.

use std::path::Path;

use os_api::view::PoolState as Stage;
use os_core::layout;
use os_engine::{Outcome, StepCheck, StepContext};
use os_store::atomic::{self, Attributes};
use os_types::plan::JournalPlace;
use os_types::step::PoolPrepareStep;
use os_types::{Failure, PoolName, Presence, chain};

use super::pool::check_schema;
use super::{HostStep, LinuxHost, kind, leftovers};

impl HostStep for PoolPrepareStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        Ok(StepCheck::done_if(match self.to {
            Presence::Present => host.state().pool(&self.pool).is_some(),
            Presence::Absent => {
                let is_importing = host.importing.now().contains(&self.pool);
                !is_importing && !host.paths().pool_run(&self.pool).exists()
            }
        }))
    }

    fn apply(&self, host: &LinuxHost, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        let pool = &self.pool;
        match self.to {
            Presence::Present => {
                host.announce(pool, Stage::Importing);
                host.importing.begin(pool);
                prepare(host, pool, context).inspect_err(|_| {
                    // the rollback may find nothing to do here, or not come to it.
                    host.importing.end(pool);
                    host.announce(pool, Stage::Exported);
                })?;
            }
            Presence::Absent => {
                host.importing.end(pool);
                leftovers::remove_tree(&host.paths().pool_run(pool))?;
                host.announce(pool, Stage::Exported);
            }
        }
        Ok(Outcome::Changed)
    }
}

fn prepare(host: &LinuxHost, pool: &PoolName, context: &StepContext<'_>) -> Result<(), Failure> {
    host.learn_scope(pool)?;
    check_schema(&host.scopes.folder(pool))?;
    host.lay_out(pool)?;
    sweep(&host.scopes.folder(pool).join("conf"));
    context.recover(&JournalPlace::Pool { pool: pool.clone() })?;
    // After the journal: settled operations change files.
    let mut loaded = host.load(pool)?;
    let defaults = layout::missing_defaults(&loaded);
    if !defaults.is_empty() {
        for step in &defaults {
            kind(step).apply(host, context)?;
        }
        loaded = host.load(pool)?;
    }
    let run = host.paths().pool_run(pool);
    for folder in [run.clone(), run.join("users"), run.join("containers")] {
        atomic::create_dir(&folder, Attributes::mode(layout::RUN_MODE))?;
    }
    let dataset = host.scopes.dataset(pool);
    let scope = run.join(layout::SCOPE_FILE);
    atomic::replace(&scope, dataset.as_str().as_bytes(), Attributes::mode(0o444))?;
    host.importing.keep(context.operation(), loaded);
    Ok(())
}

/// Removes temporary files that a crash left in `folder` and below: directories of groups are as deep as
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
