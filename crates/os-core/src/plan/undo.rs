//! What an undo has to keep to. Its steps come from a journal, so no planner has looked at what has
//! changed since: a container runs, a user has got containers.

use os_types::step::FileStep;
use os_types::{
    ContainerName, ContainerRef, EntityRef, Failure, Plan, PoolName, PoolPath, Presence, Step,
    UserName,
};

use super::container_run::{is, startable};
use super::context::{Context, in_use, unused};
use super::pool_export;
use crate::document::ContainerDoc;
use crate::facts::Facts;
use crate::state::{Entry, State};

/// Refuses the plan of an undo where the command for the same change would be refused:
///
/// - what belongs to a container that runs (its file, user, group, root) stays until it is stopped,
/// - what a container or a group still needs is not taken away,
/// - a container has a user and a group that exist, and a root apart from all others,
/// - a pool is not closed while containers run on it.
///
/// A step that cannot be applied any more is found by its own check.
///
/// # Errors
/// As of the command: `Code::ContainerState`, `Code::InUse`, `Code::NotFound`.
pub fn check_undo(plan: &Plan, state: &State, facts: &Facts) -> Result<(), Failure> {
    let mut check = Check {
        result: state.clone(),
        facts: facts.clone(),
        files: Vec::new(),
    };
    for step in &plan.steps {
        check.step(step)?;
    }
    check.files.iter().try_for_each(|file| check.file(file))
}

struct Check {
    /// The configuration as the steps so far would leave it.
    result: State,
    /// As well, as to what runs.
    facts: Facts,
    /// The entities whose files they change.
    files: Vec<EntityRef>,
}

impl Check {
    fn context(&self) -> Context<'_> {
        Context {
            state: &self.result,
            facts: &self.facts,
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), Failure> {
        match step {
            Step::Run(run) => match run.to {
                Presence::Present => {
                    let found = self.context().find(Some(&run.pool), &run.container)?;
                    startable(&found, &self.context())
                }
                Presence::Absent => {
                    let container = ContainerRef::new(&run.pool, &run.container);
                    self.facts.running.remove(&container);
                    Ok(())
                }
            },
            Step::File(FileStep { path, after, .. }) => self.change(path, after.as_deref()),
            Step::PoolLoad(load) if load.to == Presence::Absent => self.close(&load.pool),
            Step::PoolActive(active) if active.to == Presence::Absent => self.close(&active.pool),
            Step::SystemUser(account) if account.to == Presence::Absent => {
                self.unregister(&account.pool, &account.user)
            }
            _ => Ok(()),
        }
    }

    fn change(&mut self, path: &PoolPath, after: Option<&str>) -> Result<(), Failure> {
        let Some(entity) = crate::layout::entity_of(path.pool(), path.relative()) else {
            return Ok(());
        };
        let EntityRef::Container { pool, name } = &entity else {
            self.result.apply_file(path, after);
            self.files.push(entity);
            return Ok(());
        };
        let before = self.doc(pool, name);
        self.result.apply_file(path, after);
        let after = self.doc(pool, name);
        let place = |doc: &ContainerDoc| (doc.user.clone(), doc.group.clone(), doc.dataset.clone());
        if before.map(|doc| place(&doc)) != after.map(|doc| place(&doc)) {
            let state = self.facts.container_state(pool, name);
            if state.is_alive() {
                return Err(is(&format!("{pool}:{name}"), state, "stop"));
            }
        }
        self.files.push(entity);
        Ok(())
    }

    fn doc(&self, pool: &PoolName, name: &ContainerName) -> Option<ContainerDoc> {
        let entry = self.result.pool(pool)?.containers().get(name)?;
        Entry::doc(entry).cloned()
    }

    fn close(&self, pool: &PoolName) -> Result<(), Failure> {
        let loaded = self.result.pool(pool);
        loaded.map_or(Ok(()), |pool| pool_export::idle(pool, &self.facts))
    }

    fn unregister(&self, pool: &PoolName, user: &UserName) -> Result<(), Failure> {
        let containers = self.result.uses(&user.entity(pool));
        let runs = |entity: &EntityRef| match entity {
            EntityRef::Container { pool, name } => {
                self.facts.container_state(pool, name).is_alive()
            }
            _ => false,
        };
        match containers.iter().find(|entity| runs(entity)) {
            Some(container) => Err(in_use(&user.entity(pool), container)),
            None => Ok(()),
        }
    }

    /// Whether the result is sound as far as this entity goes.
    fn file(&self, entity: &EntityRef) -> Result<(), Failure> {
        match entity {
            EntityRef::Container { pool, name } => {
                let Ok(found) = self.result.find(Some(pool), name) else {
                    return Ok(());
                };
                found.pool.check_apart(&found.dataset(name)?, name)?;
                if let Some(doc) = found.entry.doc() {
                    self.context().find(Some(pool), &doc.user)?;
                    self.context().find(Some(pool), &doc.group)?;
                }
                Ok(())
            }
            EntityRef::User { pool, name } if self.result.find(Some(pool), name).is_err() => {
                unused(entity, &self.result)
            }
            EntityRef::Group { pool, name } if self.result.find(Some(pool), name).is_err() => {
                unused(entity, &self.result)
            }
            _ => Ok(()),
        }
    }
}
