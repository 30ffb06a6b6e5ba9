//! What planners share: finding what a command names, and putting a plan together.

use os_store::Document;
use os_types::plan::JournalPlace;
use os_types::{Code, EntityRef, Failure, Plan, PoolName, Step};

use crate::document;
use crate::facts::{Facts, KnownSource};
use crate::layout;
use crate::state::{EntityName, Entry, Found, Loaded, LookupError, PoolState, State};

/// What a plan starts from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) state: &'a State,
    pub(super) facts: &'a Facts,
}

/// Something cannot be removed because of `by`.
pub(super) fn in_use(entity: &EntityRef, by: &EntityRef) -> Failure {
    Failure::new(Code::InUse, format!("{entity} is in use by {by}")).about(entity)
}

/// Refuses an entity that others rely on.
pub(super) fn unused(entity: &EntityRef, state: &State) -> Result<(), Failure> {
    let users = state.uses(entity);
    let Some(by) = users.first() else {
        return Ok(());
    };
    let failure = in_use(entity, by);
    Err(match by {
        EntityRef::Group { pool, name } => failure.next(format!("osctl group del {pool}:{name}")),
        _ => failure,
    })
}

fn pool_state(pool: &PoolName, code: Code, text: String, next: String) -> Failure {
    Failure::new(code, text)
        .about(format!("pool {pool}"))
        .next(next)
}

impl<'a> Context<'a> {
    /// The imported pool named, or the default one.
    pub(super) fn pool(&self, name: Option<&PoolName>) -> Result<&'a PoolState, Failure> {
        let found = self.state.pool_or_default(name);
        found.map_err(|error| self.explain(error))
    }

    /// The entity on the pool named, or on the first pool that has one of that name.
    pub(super) fn find<N: EntityName>(
        &self,
        pool: Option<&PoolName>,
        name: &N,
    ) -> Result<Found<'a, N::Doc>, Failure> {
        let found = self.state.find(pool, name);
        found.map_err(|error| self.explain(error))
    }

    /// A pool that is not imported, if this host knows it.
    pub(super) fn not_imported(&self, pool: &PoolName) -> Result<Option<&'a KnownSource>, Failure> {
        if self.state.pool(pool).is_some() {
            let text = format!("pool {pool} is imported");
            let next = format!("osctl pool export {pool}");
            return Err(pool_state(pool, Code::PoolState, text, next));
        }
        Ok(self.facts.sources.get(pool))
    }

    /// A pool that this host knows and that is not imported.
    pub(super) fn exported(&self, pool: &PoolName) -> Result<&'a KnownSource, Failure> {
        let known = self.not_imported(pool)?;
        known.ok_or_else(|| {
            let text = format!("this host does not know a pool {pool}");
            let next = format!("osctl pool import --source PATH {pool}");
            pool_state(pool, Code::NotFound, text, next)
        })
    }

    /// Distinguishes a known pool that is exported from an unknown one.
    fn explain(&self, error: LookupError) -> Failure {
        match error {
            LookupError::Pool { name, .. } if self.facts.sources.contains_key(&name) => {
                let text = format!("pool {name} is exported");
                let next = format!("osctl pool import {name}");
                pool_state(&name, Code::PoolState, text, next)
            }
            other => other.into(),
        }
    }
}

impl<T> Found<'_, T> {
    /// Refuses an entity whose file a later version has written.
    pub(super) fn not_newer(&self) -> Result<(), Failure> {
        match self.entry.failure() {
            Some(failure) if self.entry.is_newer() => Err(failure.clone()),
            _ => Ok(()),
        }
    }

    /// Its document, if the entity can be changed.
    pub(super) fn usable(&self) -> Result<&Loaded<T>, Failure> {
        self.entry.usable().map_err(Clone::clone)
    }

    /// The step that removes its file, damaged or not. A file that a later version wrote stays.
    pub(super) fn remove(&self) -> Result<Step, Failure> {
        self.not_newer()?;
        let Some(text) = self.entry.text() else {
            let entity = &self.entity;
            let path = layout::config_path(entity).unwrap_or_default();
            let path = self.pool.folder().join(path);
            let text = format!("the file of {entity} is not text, so it could not be put back");
            return Err(Failure::new(Code::Damaged, text)
                .about(entity)
                .next(format!("rm {}", path.display())));
        };
        Ok(layout::file_step(
            self.pool.name(),
            &self.entity,
            Some(text),
            None,
        )?)
    }
}

impl<T: Document + PartialEq> Found<'_, T> {
    /// The steps that make its file say `doc`: none if it does.
    pub(super) fn rewrite(&self, doc: &T) -> Result<Vec<Step>, Failure> {
        rewrite(self.pool.name(), &self.entity, Some(self.entry), doc)
    }
}

/// The steps that make the file of `entity` say `doc`: none if it does.
pub(super) fn rewrite<T: Document + PartialEq>(
    pool: &PoolName,
    entity: &EntityRef,
    entry: Option<&Entry<T>>,
    doc: &T,
) -> Result<Vec<Step>, Failure> {
    let before = entry.map(Entry::usable).transpose().map_err(Clone::clone)?;
    if before.is_some_and(|before| before.doc == *doc) {
        return Ok(Vec::new());
    }
    let text = document::text(doc);
    if text.len() as u64 > layout::FILE_LIMIT {
        let text = format!("the file of {entity} would become larger than 16 MiB");
        return Err(Failure::new(Code::Body, text).about(entity));
    }
    let before = before.map(|before| before.text.as_str());
    Ok(vec![layout::file_step(pool, entity, before, Some(text))?])
}

/// A plan that changes something on a pool: with what it touches there it shares the pool.
pub(super) fn on_pool(
    pool: &PoolName,
    steps: Vec<Step>,
    touches: impl IntoIterator<Item = EntityRef>,
) -> Plan {
    let journal = JournalPlace::Pool { pool: pool.clone() };
    assemble(steps, touches, journal)
}

/// A plan that changes only what runs on a pool.
pub(super) fn running(steps: Vec<Step>, touches: impl IntoIterator<Item = EntityRef>) -> Plan {
    assemble(steps, touches, JournalPlace::Run)
}

/// A plan that makes, opens, closes or forgets a pool.
pub(super) fn about_pool(pool: &PoolName, steps: Vec<Step>) -> Plan {
    let touched = EntityRef::Pool { pool: pool.clone() };
    assemble(steps, [touched], JournalPlace::Host)
}

fn assemble(
    steps: Vec<Step>,
    touches: impl IntoIterator<Item = EntityRef>,
    journal: JournalPlace,
) -> Plan {
    let mut touches: Vec<EntityRef> = touches.into_iter().collect();
    touches.sort();
    touches.dedup();
    Plan {
        steps,
        touches,
        journal,
        parallel: Vec::new(),
    }
}
