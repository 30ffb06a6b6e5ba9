//! Reading endpoints: parameters in, a view of the present state out.

use std::time::Duration;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{Query, RawPathParams};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use os_api::Endpoint;
use os_types::{Code, Failure};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer;
use crate::app::App;

/// What a reading endpoint does: from path parts and query to an answer.
pub(super) type Read<E> = fn(
    &App,
    &<E as Endpoint>::Path,
    &<E as Endpoint>::Query,
) -> Result<<E as Endpoint>::Answer, Failure>;

/// Path parts as axum found them.
pub(super) type Parts = Result<RawPathParams, RawPathParamsRejection>;

/// A read of files on a pool is given up after this time. Its thread goes on until the file system
/// answers.
const FILE_DEADLINE: Duration = Duration::from_secs(30);

/// What a reading endpoint reads.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// Memory and figures of the kernel, which never hang.
    Memory,
    /// Files on pools, which hang if their disk does.
    Files,
}

/// The handler of a reading endpoint.
pub(super) fn read<E>(app: &App, read: Read<E>, source: Source) -> MethodRouter<App>
where
    E: Endpoint<Path: Send, Query: Send> + 'static,
{
    let app = app.clone();
    get(move |parts: Parts, uri: Uri| async move {
        let answer = async {
            let path = path_parts::<E::Path>(parts)?;
            let query = query::<E::Query>(&uri)?;
            let reading = app.clone();
            let read = move || respond(read(&reading, &path, &query).as_ref());
            match source {
                Source::Memory => app.reads().run(read).await,
                Source::Files => read_files(&app, read).await,
            }
        };
        answer.await.unwrap_or_else(answer::failure)
    })
}

/// Runs a read of files on pools.
async fn read_files(
    app: &App,
    read: impl FnOnce() -> Response + Send + 'static,
) -> Result<Response, Failure> {
    let late = |_| {
        let text = "the files of a pool could not be read in time";
        Failure::new(Code::Deadline, text)
    };
    let in_turn = async {
        let place = app.file_reads().acquire_owned().await;
        blocking(move || {
            // Held by the thread: one that hangs takes its place as long as it does.
            let _place = place;
            Ok(read())
        })
        .await
    };
    tokio::time::timeout(FILE_DEADLINE, in_turn)
        .await
        .map_err(late)?
}

/// An answer or its failure as a response.
pub(super) fn respond<T: serde::Serialize>(answer: Result<&T, &Failure>) -> Response {
    match answer {
        Ok(answer) => answer::json(StatusCode::OK, answer),
        Err(failure) => answer::failure(failure.clone()),
    }
}

/// Runs `work` on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Failure::new(
            Code::Internal,
            format!("a request died: {error}"),
        )),
    }
}

/// The `{name}` parts of a path, decoded, as the type the endpoint declares.
pub(super) fn path_parts<T: DeserializeOwned>(parts: Parts) -> Result<T, Failure> {
    let parts = parts.map_err(|error| Failure::new(Code::Name, error.to_string()))?;
    let parts = parts
        .iter()
        .map(|(name, value)| (name.to_owned(), Value::from(value)));
    serde_json::from_value(Value::Object(parts.collect()))
        .map_err(|error| Failure::new(Code::Name, format!("the path is not valid: {error}")))
}

/// The query as the type the endpoint declares.
pub(super) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Failure> {
    match Query::try_from_uri(uri) {
        Ok(Query(query)) => Ok(query),
        Err(error) => Err(Failure::new(
            Code::Body,
            format!("the query is not valid: {}", error.body_text()),
        )),
    }
}
