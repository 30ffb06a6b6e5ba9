//! The configuration of all imported pools in memory.
//!
//! The truth is in the files; this is what was read or written last. Readers take the present state
//! and keep it as long as they like, so they never wait for a change.

use std::sync::{Arc, PoisonError, RwLock};

use os_core::State;

/// The state, shared.
#[derive(Debug, Default)]
pub(crate) struct Cache(RwLock<Arc<State>>);

impl Cache {
    /// The state of this moment.
    pub(crate) fn now(&self) -> Arc<State> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state. Called by steps alone, after what they wrote is on the disk.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut state = State::clone(&place);
        let result = change(&mut state);
        *place = Arc::new(state);
        result
    }
}
