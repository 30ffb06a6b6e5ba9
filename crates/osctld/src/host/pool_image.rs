//! The image files of loop pools.

use std::path::Path;

use os_engine::{Outcome, StepCheck, StepContext};
use os_storage::{NewImage, PoolSource, PoolStatus};
use os_store::atomic::{self, Attributes};
use os_types::step::PoolImageStep;
use os_types::{Failure, FileSystem, Presence};

use super::pool::{failed, outcome};
use super::{HostStep, LinuxHost};

impl HostStep for PoolImageStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let Self { pool, file, .. } = self;
        let status = host.status(pool, &PoolSource::Image(file.clone()))?;
        Ok(match (status, self.to) {
            (PoolStatus::Missing, Presence::Absent) => StepCheck::Done,
            (PoolStatus::Open { .. }, Presence::Absent) => {
                StepCheck::Conflict(format!("pool {pool} is open"))
            }
            (PoolStatus::Missing, Presence::Present) | (_, Presence::Absent) => StepCheck::Ready,
            // Never taken over, not even if it looks like this pool: the rollback from a failed
            // operation destroys what the operation made, and nothing else.
            (_, Presence::Present) => {
                StepCheck::Conflict(format!("{} exists already", file.display()))
            }
        })
    }

    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        let Self { pool, file, .. } = self;
        let (place, source) = (host.place(pool), PoolSource::Image(file.clone()));
        let changed = match self.to {
            Presence::Present => {
                make_folder(host, file)?;
                let image = NewImage {
                    size: self.size,
                    file_system: self.file_system.unwrap_or(FileSystem::Btrfs),
                };
                host.pools().create(&place, &source, Some(image))
            }
            Presence::Absent => {
                // Whatever the link says: a file that is not a pool, or is open on another host, stays.
                if host.status(pool, &source)? == PoolStatus::Closed {
                    host.peek(pool, &source, |view| host.inspect(pool, view, false, false))?;
                }
                host.pools().destroy(&place, &source)
            }
        };
        changed.map(outcome).map_err(failed(pool))
    }
}

/// Creates the default directory for pool images.
fn make_folder(host: &LinuxHost, file: &Path) -> Result<(), Failure> {
    let folder = host.paths().state().join("images");
    if file.starts_with(&folder) {
        atomic::create_dir(&folder, Attributes::mode(0o700))?;
    }
    Ok(())
}
