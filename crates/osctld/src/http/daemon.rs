//! Preparing the daemon for a stop, and taking that back.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use os_api::endpoint::Nothing;
use os_api::view::DaemonStatus;
use os_types::{Code, Failure};

use super::reads::{query, respond};
use crate::app::App;
use crate::lifecycle;

pub(super) async fn prepare_stop(State(app): State<App>, uri: Uri) -> Response {
    to_its_end(&uri, async move { lifecycle::prepare_stop(&app).await }).await
}

pub(super) async fn resume(State(app): State<App>, uri: Uri) -> Response {
    to_its_end(&uri, async move { lifecycle::resume(&app).await }).await
}

/// Goes on also if the client hangs up: the phase must not stay half-way.
async fn to_its_end(
    uri: &Uri,
    work: impl Future<Output = Result<DaemonStatus, Failure>> + Send + 'static,
) -> Response {
    let answer = async {
        let Nothing {} = query(uri)?;
        let ended = tokio::spawn(work).await;
        ended.unwrap_or_else(|error| {
            let text = format!("a request died: {error}");
            Err(Failure::new(Code::Internal, text))
        })
    };
    respond(answer.await.as_ref())
}
