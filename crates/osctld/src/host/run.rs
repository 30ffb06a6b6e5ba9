//! The steps about containers that run: start, stop, freeze; and what happens by itself.

use std::path::PathBuf;
use std::sync::Arc;

use os_cgroup::CgroupPath;
use os_core::{PoolState, State, layout};
use os_engine::{Readiness, StepContext};
use os_types::{
    Code, ContainerName, ContainerState, Failure, PoolName, Presence, StartPolicy, StopMethod,
    StopPolicy, chain,
};

use super::Steps;
use crate::runtime::ladder::Subject;
use crate::runtime::launch::{self, Means};
use crate::runtime::recover::{self, Found};
use crate::runtime::{Key, Place, ladder, place};

/// What is told when the init of a container has ended.
#[derive(Clone)]
pub(crate) struct Ended(pub(crate) Arc<dyn Fn(Key) + Send + Sync>);

impl std::fmt::Debug for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ended")
    }
}

impl Steps {
    pub(super) fn look_run(
        &self,
        pool: &PoolName,
        name: &ContainerName,
        stop: &StopPolicy,
        to: Presence,
    ) -> Result<Readiness, Failure> {
        let key = (pool.clone(), name.clone());
        let slot = self.runtime.slot(&key);
        let has_ended = slot.as_ref().is_some_and(crate::runtime::Slot::has_ended);
        let Some(cgroup) = self.cgroup_of(&key)? else {
            return Ok(match to {
                Presence::Absent => Readiness::Done,
                Presence::Present => Readiness::Conflict("its configuration is gone".to_owned()),
            });
        };
        let system = |error: os_cgroup::CgroupError| Failure::new(Code::Step, chain(&error));
        Ok(match to {
            Presence::Present => {
                let state = slot.map(|slot| slot.state);
                let runs = state.is_some_and(|state| state != ContainerState::Starting);
                if runs && !has_ended && launch::is_alive(&cgroup, &key, &self.cgroups)? {
                    Readiness::Done
                } else {
                    Readiness::Ready
                }
            }
            Presence::Absent if stop.method == StopMethod::IfEnded && !has_ended => Readiness::Done,
            Presence::Absent => {
                let gone = slot.is_none()
                    && self.cgroups.presence(&cgroup) == os_cgroup::Presence::Absent
                    && !self.cgroups.is_populated(&cgroup).map_err(system)?;
                if gone {
                    Readiness::Done
                } else {
                    Readiness::Ready
                }
            }
        })
    }

    /// The control group a container runs in, or would.
    fn cgroup_of(&self, key: &Key) -> Result<Option<CgroupPath>, Failure> {
        if let Some(slot) = self.runtime.slot(key) {
            return place::parse(&slot.cgroup).map(Some);
        }
        let (pool, name) = key;
        let state = self.state_of(pool)?;
        let found = state.find_container(Some(pool), name).ok();
        let doc = found.and_then(|found| found.entry.doc());
        doc.map(|doc| place::cgroup(pool, &doc.group, &doc.user, name))
            .transpose()
    }

    /// The state with this pool in it. While it is being imported, and what a crash left is settled,
    /// only its files know what is on it.
    pub(super) fn state_of(&self, pool: &PoolName) -> Result<Arc<State>, Failure> {
        let state = self.state();
        if state.pool(pool).is_some() || !self.importing.now().contains(pool) {
            return Ok(state);
        }
        let mut state = State::clone(&state);
        state.insert(self.load(pool)?);
        Ok(Arc::new(state))
    }

    fn run_folder(&self, key: &Key) -> PathBuf {
        layout::container_run_folder(&self.paths.run(), &key.0, &key.1)
    }

    /// Starts a container; what an earlier run or a crash left of it is put away first.
    pub(super) fn start(&self, key: &Key, policy: StartPolicy) -> Result<(), Failure> {
        let place = Place::of(&*self.state_of(&key.0)?, &self.facts()?, &key.0, &key.1)?;
        let means = Means {
            policy,
            ..self.means(self.lxc()?)
        };
        if self.runtime.slot(key).is_some_and(|slot| slot.has_ended()) {
            self.put_away(key, Some(&place), &means)?;
        } else if self.cgroups.presence(&place.cgroup) != os_cgroup::Presence::Absent {
            let remains = Subject {
                key,
                cgroup: &place.cgroup,
                place: None,
                run: &place.run,
            };
            ladder::finish(&remains, &means)?;
        }
        ladder::wants_reboot(&place.run)?;
        let _claimed = self.claim_start(&place)?;
        launch::start(&place, &means, self.when_ended(key))
    }

    /// Puts away a container whose init has ended by itself.
    fn put_away(&self, key: &Key, place: Option<&Place>, means: &Means<'_>) -> Result<(), Failure> {
        let Some(cgroup) = self.cgroup_of(key)? else {
            return Ok(());
        };
        ladder::let_monitor_end(&cgroup, &self.cgroups);
        let subject = Subject {
            key,
            cgroup: &cgroup,
            place,
            run: &self.run_folder(key),
        };
        ladder::finish(&subject, means)
    }

    fn when_ended(&self, key: &Key) -> impl FnOnce() + Send + 'static {
        let (ended, key) = (Arc::clone(&self.ended), key.clone());
        move || {
            if let Some(ended) = ended.get() {
                (ended.0)(key);
            }
        }
    }

    /// Stops a container.
    pub(super) fn stop(
        &self,
        key: &Key,
        policy: &StopPolicy,
        context: &StepContext<'_>,
    ) -> Result<(), Failure> {
        let Some(cgroup) = self.cgroup_of(key)? else {
            return Ok(());
        };
        let place = Place::of(&*self.state_of(&key.0)?, &self.facts()?, &key.0, &key.1).ok();
        let nothing = crate::host::lxc::Lxc::default();
        let means = self.means(self.lxc.as_ref().unwrap_or(&nothing));
        let run = self.run_folder(key);
        if self.runtime.slot(key).is_some_and(|slot| slot.has_ended()) {
            return self.put_away(key, place.as_ref(), &means);
        }
        let progress = |text: &str| context.progress(text);
        let subject = Subject {
            key,
            cgroup: &cgroup,
            place: place.as_ref(),
            run: &run,
        };
        ladder::stop(&subject, policy, &means, &progress)
    }

    pub(super) fn means<'a>(&'a self, lxc: &'a crate::host::lxc::Lxc) -> Means<'a> {
        Means {
            runtime: &self.runtime,
            cgroups: &self.cgroups,
            run: &self.run_dir,
            helper: &lxc.helper,
            program: lxc.program(),
            etc: self.moved_etc.as_deref(),
            lxc_start: &lxc.starter,
            apparmor: lxc.apparmor,
            policy: StartPolicy::default(),
        }
    }

    pub(super) fn look_freeze(
        &self,
        pool: &PoolName,
        name: &ContainerName,
        to: Presence,
    ) -> Readiness {
        let key = (pool.clone(), name.clone());
        match (self.runtime.slot(&key).map(|slot| slot.state), to) {
            // What is gone is not frozen; but it cannot be frozen either.
            (Some(ContainerState::Frozen), Presence::Present)
            | (Some(ContainerState::Running) | None, Presence::Absent) => Readiness::Done,
            (None, Presence::Present) => Readiness::Conflict("it does not run".to_owned()),
            _ => Readiness::Ready,
        }
    }

    pub(super) fn freeze(
        &self,
        pool: &PoolName,
        name: &ContainerName,
        to: Presence,
    ) -> Result<(), Failure> {
        let key = (pool.clone(), name.clone());
        let Some(cgroup) = self.cgroup_of(&key)? else {
            return Ok(());
        };
        let frozen = to == Presence::Present;
        if frozen {
            self.runtime.turn(&key, ContainerState::Freezing);
        }
        let done = ladder::freeze(&key, &cgroup, frozen, &self.cgroups);
        let is_frozen = frozen && done.is_ok();
        let state = if is_frozen {
            ContainerState::Frozen
        } else {
            ContainerState::Running
        };
        self.runtime.turn(&key, state);
        done
    }

    /// Finds what runs on a pool that is being imported.
    pub(super) fn find_running(&self, found: &PoolState) -> Result<(), Failure> {
        let pool = found.name();
        for (name, entry) in found.containers() {
            let Some(doc) = entry.doc() else {
                continue;
            };
            let key = (pool.clone(), name.clone());
            let cgroup = place::cgroup(pool, &doc.group, &doc.user, name)?;
            let run = self.run_folder(&key);
            match recover::look(&key, &cgroup, &run, &self.cgroups, &self.runtime)? {
                Found::Nothing => {}
                Found::Running(init) => {
                    self.runtime.watch.process(init, self.when_ended(&key));
                }
                Found::Ended => self.when_ended(&key)(),
                Found::Remains(cgroup) => {
                    let nothing = crate::host::lxc::Lxc::default();
                    let means = self.means(self.lxc.as_ref().unwrap_or(&nothing));
                    let remains = Subject {
                        key: &key,
                        cgroup: &cgroup,
                        place: None,
                        run: &run,
                    };
                    if let Err(failure) = ladder::finish(&remains, &means) {
                        tracing::error!(%failure, "cannot clear the remains of a container");
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the container wants to come back after its end: it was rebooted from inside.
    pub(crate) fn wants_reboot(&self, key: &Key) -> bool {
        ladder::wants_reboot(&self.run_folder(key)).unwrap_or(false)
    }
}
