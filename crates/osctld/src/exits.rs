//! What happens when a container ends by itself: what is left of it is removed, and then it is started
//! again if its guest asked for a reboot, or deleted if it is ephemeral.
//!
//! All of it is done by commands that take the container's lock, as if a client had sent them. So it is
//! in the history, and an operation that is stopping the container at this moment is not disturbed.
//!
//! Each exit is a task of its own, so an operation that waits for its turn holds up no other exit. What
//! fails because the engine is busy goes back into the queue, so no exit is lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use os_api::Command;
use os_api::command::{ContainerDel, ContainerStart, ContainerStop};
use os_types::{Code, ContainerRef, Failure, PoolName, StartInit, StopPolicy};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::app::App;
use crate::submit;

/// Commands about containers that have ended that are planned at a time for each pool: planning looks
/// at the pool, whose disk may hang.
const PLANNERS: usize = 4;

/// Delay after which an exit that could not be attended to is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// The longest delay after deletions that failed.
const LONGEST_RETRY: Duration = Duration::from_mins(10);

/// Attends to exits from now on, to those that came so far first. What a crash cut off has to be
/// settled, or in the queue of its container, by now: a stop that goes on is not for exits to end.
/// Must be called within the runtime.
pub(crate) fn attend(app: &App) {
    let (app, runtime) = (app.clone(), Handle::current());
    let thread = std::thread::Builder::new().name("exits".to_owned());
    let spawned = thread.spawn(move || {
        let mut planners: HashMap<PoolName, Arc<Semaphore>> = HashMap::new();
        let pauses = Arc::<Pauses>::default();
        loop {
            let container = app.host().runtime().exits().next();
            let planners = planners.entry(container.pool.clone());
            let planners = planners.or_insert_with(|| Arc::new(Semaphore::new(PLANNERS)));
            let exit = Exit {
                app: app.clone(),
                container,
                planners: Arc::clone(planners),
                pauses: Arc::clone(&pauses),
            };
            runtime.spawn(exit.attend());
        }
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "cannot attend to the ends of containers");
    }
}

/// A container that has ended by itself.
struct Exit {
    app: App,
    container: ContainerRef,
    planners: Arc<Semaphore>,
    pauses: Arc<Pauses>,
}

/// Pauses before deletions that failed are tried again, each of them an operation in the history.
#[derive(Debug, Default)]
struct Pauses(Mutex<HashMap<ContainerRef, Duration>>);

impl Pauses {
    /// The pause after one more failure, twice as long as the last one.
    fn next(&self, container: &ContainerRef) -> Duration {
        let mut all = self.lock();
        let next = all.get(container).map_or(RETRY, |last| *last * 2);
        let next = next.min(LONGEST_RETRY);
        all.insert(container.clone(), next);
        next
    }

    fn forget(&self, container: &ContainerRef) {
        self.lock().remove(container);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ContainerRef, Duration>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exit {
    async fn attend(self) {
        let container = &self.container;
        // Asked before: an import may end while this is tried.
        let was_importing = self.is_importing();
        let Err(failure) = self.clear().await else {
            return self.pauses.forget(container);
        };
        let mut pause = RETRY;
        match failure.code {
            // Its pool is being imported and comes in at once, or has come in.
            Code::PoolState if was_importing || self.is_imported() => {}
            // The export of its pool has stopped and cleared it.
            Code::PoolState => {
                tracing::debug!(%container, %failure, "an exit needs no attention any more");
                return self.pauses.forget(container);
            }
            Code::Cancelled => tracing::debug!(%container, %failure, "taken over"),
            Code::Draining => tracing::debug!(%container, %failure, "started later"),
            _ => {
                tracing::error!(%container, %failure, "cannot clear a container that has ended");
                // It is cleared already and only to be deleted: that is not urgent.
                if self.app.host().runtime().container(container).is_none() {
                    pause = self.pauses.next(container);
                }
            }
        }
        let exits = self.app.host().runtime().exits();
        exits.push_later(container.clone(), pause);
    }

    /// What runs on a pool is found before the pool is listed.
    fn is_importing(&self) -> bool {
        let importing = self.app.host().importing();
        importing.contains(&self.container.pool)
    }

    fn is_imported(&self) -> bool {
        self.app.host().state().pool(&self.container.pool).is_some()
    }

    async fn clear(&self) -> Result<(), Failure> {
        let runtime = self.app.host().runtime();
        let Some(was) = runtime.container(&self.container) else {
            return self.delete().await;
        };
        if let Some(at) = was.restart_at {
            return self.reboot(at).await;
        }
        if was.has_ended() {
            let stop = self.stop(StopPolicy::if_ended());
            self.run(stop, "it has ended", |_, _| true).await?;
            return self.delete().await;
        }
        if was.is_exec_only() {
            let why = "its command has ended";
            return self
                .run(self.stop(StopPolicy::kill()), why, |_, _| true)
                .await;
        }
        Ok(())
    }

    fn stop(&self, policy: StopPolicy) -> Command {
        let stop = ContainerStop {
            pool: Some(self.container.pool.clone()),
            name: self.container.name.clone(),
            policy,
        };
        stop.into()
    }

    /// Starts a container whose guest asked for a reboot, unless an operation has stopped or started it
    /// by the time it is its turn.
    async fn reboot(&self, at: Instant) -> Result<(), Failure> {
        let left = at.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            let exits = self.app.host().runtime().exits();
            exits.push_later(self.container.clone(), left);
            return Ok(());
        }
        let start = ContainerStart {
            pool: Some(self.container.pool.clone()),
            name: self.container.name.clone(),
            debug: false,
            init: StartInit::Own,
        };
        let is_wanted = move |app: &App, container: &ContainerRef| {
            let live = app.host().runtime().container(container);
            live.is_some_and(|live| live.restart_at == Some(at))
        };
        let why = "it was rebooted from inside";
        match self.run(start.into(), why, is_wanted).await {
            Err(failure) if is_wanted(&self.app, &self.container) => Err(failure),
            // What became of the start is in the history; another attempt would end in the same way.
            _ => Ok(()),
        }
    }

    /// Deletes a container that has ended and is ephemeral, unless an operation has started it by the
    /// time it is its turn. A kill that came meanwhile has found nothing to stop.
    async fn delete(&self) -> Result<(), Failure> {
        if !is_ephemeral(&self.app, &self.container) || !self.is_to_be_deleted().await? {
            return Ok(());
        }
        let del = ContainerDel {
            pool: Some(self.container.pool.clone()),
            name: self.container.name.clone(),
            force: false,
        };
        let why = "it is ephemeral and has ended";
        match self.run(del.into(), why, is_to_be_deleted).await {
            Err(failure) if self.is_to_be_deleted().await? => Err(failure),
            _ => Ok(()),
        }
    }

    async fn is_to_be_deleted(&self) -> Result<bool, Failure> {
        let (app, container) = (self.app.clone(), self.container.clone());
        let looking = move || Ok(is_to_be_deleted(&app, &container));
        self.app.engine().on_thread(looking).await
    }

    /// Runs a command to its end. While it is planned it counts for its pool; while it waits it does not.
    async fn run(
        &self,
        command: Command,
        why: &str,
        is_wanted: impl Fn(&App, &ContainerRef) -> bool + Send + Sync + 'static,
    ) -> Result<(), Failure> {
        // The semaphore is never closed.
        let planner = self.planners.acquire().await;
        let id = submit::submit_own(&self.app, &self.container, command, why, is_wanted).await?;
        drop(planner);
        submit::end_of(&self.app, &id).await
    }
}

fn is_ephemeral(app: &App, container: &ContainerRef) -> bool {
    let state = app.host().state();
    let found = state.find(Some(&container.pool), &container.name).ok();
    let doc = found.and_then(|found| found.entry.doc());
    doc.is_some_and(|doc| doc.settings.ephemeral == Some(true))
}

fn is_to_be_deleted(app: &App, container: &ContainerRef) -> bool {
    let target = || app.host().stop_target(container).ok()?;
    is_ephemeral(app, container)
        && target().is_some_and(|target| app.host().runtime().is_to_be_deleted(&target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_after_failed_deletions_grow_up_to_ten_minutes() {
        let container = ContainerRef::new(&"tank".parse().unwrap(), &"web".parse().unwrap());
        let pauses = Pauses::default();
        let next = || pauses.next(&container).as_secs();
        let all: Vec<_> = std::iter::repeat_with(next).take(9).collect();
        assert_eq!(all, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
        pauses.forget(&container);
        assert_eq!(pauses.next(&container), RETRY);
    }
}
