//! The configuration of all imported pools in memory, and the host ids of all pools seen so far.
//!
//! The truth is in the files; this is what was read or written last. Readers take the present state
//! and keep it as long as they like, so they never wait for a change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use os_core::State;
use os_core::document::RememberedIds;
use os_store::atomic::Attributes;
use os_store::document;
use os_types::{Failure, chain};

/// The state, shared.
#[derive(Debug)]
pub(crate) struct Cache {
    state: RwLock<Arc<State>>,
    /// The file of remembered ids.
    file: PathBuf,
    /// What the file says; held while it is written.
    saved: Mutex<Arc<RememberedIds>>,
    /// Why it could not be written when this was last tried.
    unsaved: Mutex<Option<Failure>>,
}

impl Cache {
    /// No pool; the ids that the file `file` remembers. A file that cannot be read is put aside:
    /// pools that are imported are remembered again at once.
    pub(crate) fn read(file: &Path) -> Self {
        let remembered = document::load::<RememberedIds>(file).unwrap_or_else(|error| {
            let aside = file.with_extension("toml.damaged");
            let moved = std::fs::rename(file, &aside).is_ok();
            tracing::error!(
                error = chain(&error),
                ?aside,
                moved,
                "the host ids of exported pools are not remembered; import these pools"
            );
            None
        });
        let state = State::remembering(remembered.unwrap_or_default());
        Self {
            saved: Mutex::new(Arc::clone(state.remembered())),
            state: RwLock::new(Arc::new(state)),
            file: file.to_owned(),
            unsaved: Mutex::default(),
        }
    }

    /// The state of this moment.
    pub(crate) fn now(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state, e.g. after a step has written a file. If the ids to remember cannot be
    /// written, the change stays: `healthcheck` tells, and the next change tries again (ADR-13).
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = self.update(change);
        if let Err(failure) = self.save() {
            tracing::error!(%failure, "cannot remember host ids");
        }
        result
    }

    /// Changes the state in memory alone; [`Cache::save`] has to follow.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut place = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut state = State::clone(&place);
        let result = change(&mut state);
        *place = Arc::new(state);
        result
    }

    /// Writes the ids of the present state if the file has others.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.now();
        // What failed may have left any content.
        if *saved == *state.remembered() && self.unsaved().is_none() {
            return Ok(());
        }
        let written = document::save(&self.file, &**state.remembered(), Attributes::mode(0o600));
        let failure = written.err().map(Failure::from);
        self.unsaved().clone_from(&failure);
        if let Some(failure) = failure {
            return Err(failure);
        }
        *saved = Arc::clone(state.remembered());
        Ok(())
    }

    /// Why the file of remembered ids is not what it should be.
    pub(crate) fn unsaved(&self) -> MutexGuard<'_, Option<Failure>> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
