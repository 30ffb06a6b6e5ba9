//! Where this host finds a pool: the step that changes it.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::PoisonError;

use os_engine::{Outcome, StepCheck, StepContext};
use os_storage::ZFS_DEVICE;
use os_store::atomic;
use os_types::step::PoolSourceStep;
use os_types::{Code, Failure, PoolName};

use super::{HostStep, LinuxHost, source};

impl HostStep for PoolSourceStep {
    /// A host that forgets where a pool is forgets the ids of its users, too.
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let link = host.paths().source(&self.pool);
        let found = source::read(&link)?;
        let ends = [self.before.as_ref(), self.after.as_ref()];
        let conflict = || format!("{} leads to {found:?}", link.display());
        let state = host.state();
        let is_remembered = state.remembered().pools.contains_key(&self.pool);
        let check = StepCheck::of_value(found.as_ref(), ends, conflict);
        if let (StepCheck::Ready, Some(target)) = (&check, &self.after) {
            check_unshared(&link, target)?;
        }
        Ok(match check {
            StepCheck::Done if self.after.is_none() && is_remembered => StepCheck::Ready,
            check => check,
        })
    }

    /// The ids of a forgotten pool are released at the end of the operation, because rollback could not restore
    /// them; see [`super::removal`].
    fn apply(&self, host: &LinuxHost, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        let link = host.paths().source(&self.pool);
        match &self.after {
            Some(target) => {
                // No other pool can take the source between the look and the link.
                let lock = host.sources.lock();
                let _lock = lock.unwrap_or_else(PoisonError::into_inner);
                check_unshared(&link, target)?;
                atomic::symlink(&link, target)?
            }
            None => atomic::remove(&link)?,
        };
        if self.after.is_none() && context.is_way_back() {
            host.forget_ids(&self.pool);
        }
        Ok(Outcome::Changed)
    }
}

impl LinuxHost {
    /// Releases the ids of the users of a pool that this host no longer knows.
    pub(super) fn forget_ids(&self, pool: &PoolName) {
        let changed = self.cache.change(|state| state.forget(pool));
        self.news.changed(changed);
    }
}

/// Refuses a source that the link of another pool leads to. Planners do so too, but two commands about
/// two pools are planned side by side. All zpools are found through one device.
fn check_unshared(link: &Path, target: &Path) -> Result<(), Failure> {
    let Some(folder) = link.parent().filter(|_| target != Path::new(ZFS_DEVICE)) else {
        return Ok(());
    };
    let unread = |error: io::Error| {
        let text = format!("cannot read {}: {error}", folder.display());
        Failure::new(Code::File, text)
    };
    for entry in fs::read_dir(folder).map_err(unread)? {
        let other = entry.map_err(unread)?.path();
        if other != link && fs::read_link(&other).is_ok_and(|known| known == target) {
            let owner = other.file_name().unwrap_or_default().to_string_lossy();
            let text = format!("{} is pool {owner}", target.display());
            return Err(Failure::new(Code::InUse, text)
                .about(format!("pool {owner}"))
                .next("osctl pool ls"));
        }
    }
    Ok(())
}
