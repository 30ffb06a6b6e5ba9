//! The ids that operations give to somebody or take away: checked and reserved in memory, one operation at a time.
//!
//! The lock is never held while files of a pool are read or written. Otherwise a pool whose disk hangs
//! would keep users from being created on all others.

use std::sync::{Arc, MutexGuard, PoisonError};

use os_api::Command;
use os_core::document::RememberedIds;
use os_core::facts::Facts;
use os_core::state::{PoolState, Reservation};
use os_core::{State, claim};
use os_engine::Planned;
use os_types::{Failure, JournalPlace, Plan};

use super::LinuxHost;
use crate::cache::Cache;
use crate::news::News;

/// Reserved ids; dropping it ends the reservation.
#[derive(Debug)]
struct Reserved {
    cache: Arc<Cache>,
    news: News,
    number: Reservation,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let released = self.cache.change(|state| state.release(self.number));
        self.news.changed(released);
    }
}

impl LinuxHost {
    /// Held while ids are checked and reserved, while a system user gets its id, and while the users
    /// of a pool come into the state.
    pub(super) fn ids(&self) -> MutexGuard<'_, ()> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The plan of a command as it would be now.
    pub(crate) fn preview(&self, command: &Command) -> Result<Plan, Failure> {
        let (facts, state) = (self.facts_for(command)?, self.state());
        let plan = os_core::plan(command, &state, &facts)?;
        if chooses_ids(command) {
            // Other ids are chosen when it is carried out, if another operation has got these meanwhile.
            claim::verify(&plan, &state, &facts)?;
        } else {
            self.verify_ids(&plan)?;
        }
        Ok(plan)
    }

    /// The plan of a command that is about to be carried out, with the ids that it gives reserved.
    pub(crate) fn plan(&self, command: &Command) -> Result<Planned, Failure> {
        // What is on the pools is looked at before the lock is taken.
        self.plan_with(command, self.facts_for(command)?)
    }

    /// As [`LinuxHost::plan`], on a host that is so.
    pub(super) fn plan_with(&self, command: &Command, facts: Facts) -> Result<Planned, Failure> {
        if !chooses_ids(command) {
            let plan = os_core::plan(command, &self.state(), &facts)?;
            let reservation = self.reserve_ids(&plan)?;
            return Ok(Planned { plan, reservation });
        }
        let ids = self.ids();
        let fresh = self.facts_about_ids()?;
        let facts = Facts {
            view: fresh.view,
            foreign: fresh.foreign,
            account_damage: fresh.account_damage,
            ids_failure: fresh.ids_failure,
            running_ids: fresh.running_ids,
            ..facts
        };
        let state = self.state();
        let plan = os_core::plan(command, &state, &facts)?;
        let reservation = self.reserve(claim::verify(&plan, &state, &facts)?);
        drop(ids);
        let reservation = self.remembered(&plan, reservation)?;
        Ok(Planned { plan, reservation })
    }

    /// Refuses a plan that gives ids to an owner while another one has them or is given them.
    pub(super) fn verify_ids(&self, plan: &Plan) -> Result<(), Failure> {
        if claim::changes_ids(plan) {
            let (state, facts) = (self.state_for(plan)?, self.facts_about_ids()?);
            claim::verify(plan, &state, &facts)?;
        }
        Ok(())
    }

    /// As [`LinuxHost::verify_ids`], and reserves the ids.
    pub(super) fn reserve_ids(&self, plan: &Plan) -> Result<os_engine::Reservation, Failure> {
        if !claim::changes_ids(plan) {
            return Ok(None);
        }
        // Reads the files of a pool that is being imported.
        let mut state = self.state_for(plan)?;
        let ids = self.ids();
        let now = self.state();
        // Such a pool comes into the state later. What the plan changes is seen in its files.
        let unloaded = state.pools().iter();
        let mut unloaded = unloaded.filter(|pool| now.pool(pool.name()).is_none());
        state = match unloaded.next().cloned() {
            Some(pool) => {
                let mut state = State::clone(&now);
                state.insert(pool);
                Arc::new(state)
            }
            None => now,
        };
        let reservation = self.reserve(claim::verify(plan, &state, &self.facts_about_ids()?)?);
        drop(ids);
        self.remembered(plan, reservation)
    }

    /// Takes the configuration of a pool into the state. A user of it is disabled if an operation is
    /// assigning its ids to another one.
    pub(super) fn take_in(&self, pool: PoolState) {
        let _ids = self.ids();
        let changed = self.cache.change(|state| state.insert(pool));
        self.news.changed(changed);
    }

    fn reserve(&self, ids: RememberedIds) -> Option<Reserved> {
        if ids.pools.is_empty() {
            return None;
        }
        let (number, changed) = self.cache.update(|state| state.reserve(ids));
        self.news.changed(changed);
        Some(Reserved {
            cache: Arc::clone(&self.cache),
            news: self.news.clone(),
            number,
        })
    }

    /// Has ids that are given to somebody in the file of remembered ids, before the operation has any
    /// effect. What is only taken away is there already, and has to go when that file is damaged, too.
    fn remembered(
        &self,
        plan: &Plan,
        reserved: Option<Reserved>,
    ) -> Result<os_engine::Reservation, Failure> {
        let Some(reserved) = reserved else {
            return Ok(None);
        };
        if claim::gives_ids(plan) {
            self.cache.save()?;
        }
        Ok(Some(Box::new(reserved)))
    }

    fn state_for(&self, plan: &Plan) -> Result<Arc<State>, Failure> {
        match &plan.journal {
            JournalPlace::Pool { pool } => self.state_of(pool),
            JournalPlace::Host | JournalPlace::Run => Ok(self.state()),
        }
    }

    fn facts_about_ids(&self) -> Result<Facts, Failure> {
        Ok(Facts {
            running_ids: self.running_ids(),
            ..self.facts()?
        })
    }
}

/// Whether the plan of a command chooses ids by looking at who has which.
pub(super) fn chooses_ids(command: &Command) -> bool {
    let mut names = ["user-", "id-range-", "container-new"].into_iter();
    names.any(|name| command.name().starts_with(name))
}
