//! Sends events about entities to clients that watch.

use std::sync::{Arc, OnceLock};

use os_api::EventBody;
use os_core::state::Changed;
use os_engine::Events;

/// A way to the events. It is there before the engine is, because the engine is made of the host.
#[derive(Debug, Clone, Default)]
pub(crate) struct News(Arc<OnceLock<Events>>);

impl News {
    /// From now on, news go to `events`.
    pub(crate) fn connect(&self, events: Events) {
        // Connected once, by main.
        self.0.get_or_init(|| events);
    }

    /// One event.
    pub(crate) fn tell(&self, body: EventBody) {
        if let Some(events) = self.0.get() {
            events.emit(body);
        }
    }

    /// An event for each changed entity.
    pub(crate) fn changed(&self, changed: Vec<Changed>) {
        for Changed { entity, change } in changed {
            self.tell(EventBody::Entity { entity, change });
        }
    }
}
