//! Operations that a crash cut off while they waited for guests, and that go on beside all others.

use os_types::plan::JournalPlace;

use crate::app::App;

/// Goes on, in the background, with the operations of a place. They are in the queues of what they touch
/// when this returns.
pub(crate) async fn at(app: &App, place: JournalPlace) {
    match app.engine().resume(place.clone()).await {
        Ok(resumed) if resumed.is_empty() => {}
        Ok(resumed) => tracing::info!(?place, ?resumed, "going on with operations"),
        Err(failure) => tracing::error!(?place, %failure, "cannot go on with operations"),
    }
}
