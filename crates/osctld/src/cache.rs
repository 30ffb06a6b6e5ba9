//! The configuration of all imported pools in memory, and the host ids of all pools seen so far.
//!
//! The truth is in the files; this is what was read or written last. Readers take the present state
//! and keep it as long as they like, so they never wait for a change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use os_core::State;
use os_core::document::RememberedIds;
use os_store::atomic::Attributes;
use os_store::document;
use os_types::chain;

/// The state, shared.
#[derive(Debug)]
pub(crate) struct Cache {
    state: RwLock<Arc<State>>,
    /// The file of remembered ids.
    file: PathBuf,
    /// What the file says; held while it is written.
    saved: Mutex<Arc<RememberedIds>>,
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
        }
    }

    /// The state of this moment.
    pub(crate) fn now(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state. Called by steps alone, after what they wrote is on the disk.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = {
            let mut place = self.state.write().unwrap_or_else(PoisonError::into_inner);
            let mut state = State::clone(&place);
            let result = change(&mut state);
            *place = Arc::new(state);
            result
        };
        self.save();
        result
    }

    /// Writes the ids of the present state if the file has others.
    fn save(&self) {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.now();
        if *saved == *state.remembered() {
            return;
        }
        match document::save(&self.file, &**state.remembered(), Attributes::mode(0o600)) {
            Ok(_) => *saved = Arc::clone(state.remembered()),
            // The pools themselves still have them; the next change tries again.
            Err(error) => tracing::error!(error = chain(&error), "cannot remember host ids"),
        }
    }
}
