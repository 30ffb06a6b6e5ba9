//! The event stream: server-sent events, resumable by revision.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::sse::{Event as Sse, KeepAlive};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt as _};
use os_api::endpoint::EventsQuery;
use os_api::{Event, EventBody};
use os_types::{Code, Failure};
use tokio::time::Instant;

use super::{answer, reads};
use crate::app::App;

/// A comment is sent so often, so that a client notices a dead connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) async fn stream(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    match parameters(&uri, &headers) {
        Err(failure) => answer::failure(failure),
        Ok(query) => {
            let events = events(&app, &query);
            let events = events.map(|event| Ok::<_, Infallible>(to_sse(&event)));
            let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
            axum::response::Sse::new(events)
                .keep_alive(keep_alive)
                .into_response()
        }
    }
}

fn parameters(uri: &Uri, headers: &HeaderMap) -> Result<EventsQuery, Failure> {
    let mut query: EventsQuery = reads::query(uri)?;
    if let Some(last) = headers.get("last-event-id") {
        let last = last.to_str().ok().and_then(|text| text.parse().ok());
        let refuse = || Failure::new(Code::Body, "the header Last-Event-ID is not a revision");
        query.since = Some(last.ok_or_else(refuse)?);
    }
    Ok(query)
}

/// Events until the limit, the deadline or the end of the daemon.
fn events(app: &App, query: &EventsQuery) -> impl Stream<Item = Event> + use<> {
    let limit = query.limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    let until = query
        .timeout_ms
        .map(|ms| Instant::now() + Duration::from_millis(ms.into()));
    let subscription = app.engine().events().subscribe(query.since);
    let state = (subscription, app.stopping(), until);
    let events = futures_util::stream::unfold(state, |(mut events, mut stop, until)| async move {
        let deadline = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        let event = tokio::select! {
            biased;
            event = events.next() => event,
            _ = stop.wait_for(|stopped| *stopped) => None,
            () = deadline => None,
        };
        event.map(|event| (event, (events, stop, until)))
    });
    events.take(limit)
}

/// A gap carries no id: it is not an event of the ring, and a client that reconnects goes on behind
/// the last real one.
fn to_sse(event: &Event) -> Sse {
    let data = serde_json::to_string(event).unwrap_or_default();
    let sse = Sse::default().data(data);
    match event.body {
        EventBody::Gap { .. } => sse.event("gap"),
        _ => sse.id(event.revision.to_string()),
    }
}
