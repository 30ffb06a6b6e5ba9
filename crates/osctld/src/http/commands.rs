//! Commands and the operations they become.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use http_body_util::LengthLimitError;
use os_api::endpoint::{
    BODY_LIMIT, CLI_HEADER, CancelQuery, CommandQuery, Nothing, OperationPart, WaitQuery,
};
use os_api::{Command, OperationState};
use os_types::{Code, Failure, OpId};

use super::client_link::ClientLink;
use super::reads::{Parts, path_parts, query, respond};
use super::{Peer, answer};
use crate::app::App;
use crate::submit::{self, Who};

/// A client has so long to send a body.
pub(super) const BODY_DEADLINE: Duration = Duration::from_secs(30);

/// Most operations have ended or begun after this time.
const QUICK: Duration = Duration::from_millis(20);

/// The answer to a cancellation waits for the end at most for this time.
const CANCEL_ANSWER: Duration = Duration::from_millis(50);

/// Longest command line kept in the history, in bytes.
const CLI_LIMIT: usize = 4096;

/// Answers with the steps of a command, and changes nothing.
pub(super) async fn plan(
    State(app): State<App>,
    Path(name): Path<String>,
    uri: Uri,
    request: Request,
) -> Response {
    let plan = async {
        let Nothing {} = query(&uri)?;
        let body = body(request.into_body()).await?;
        let command = decode(&name, &body)?;
        let engine = app.engine().clone();
        engine.on_thread(move || submit::plan(&app, &command)).await
    };
    respond(plan.await.as_ref())
}

pub(super) async fn submit(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    Extension(client): Extension<ClientLink>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let submitted = async {
        let (head, content) = request.into_parts();
        let query: CommandQuery = query(&head.uri)?;
        let body = body(content).await?;
        let command = decode(&name, &body)?;
        let who = Who {
            uid: peer.uid,
            pid: peer.pid,
            cli: cli(&head.headers, &command),
        };
        let id = submit::submit(&app, command, who).await?;
        let wait = Duration::from_millis(query.wait_ms.unwrap_or(0).into());
        let engine = app.engine();
        let mut operation = engine.wait(id.as_str(), wait.min(QUICK)).await?;
        if wait > QUICK && !operation.state.is_final() {
            if operation.state == OperationState::Queued {
                withdraw_with(client, &app, &id);
            }
            operation = engine.wait(id.as_str(), wait.saturating_sub(QUICK)).await?;
        }
        Ok::<_, Failure>(operation)
    };
    match submitted.await {
        Ok(operation) => answer::json(StatusCode::ACCEPTED, &operation),
        Err(failure) => answer::failure(failure),
    }
}

/// The whole body, bounded in size and time.
async fn body(body: Body) -> Result<axum::body::Bytes, Failure> {
    let size = http_body::Body::size_hint(&body).lower();
    let too_large = || {
        let limit = BODY_LIMIT >> 20;
        Failure::new(
            Code::TooLarge,
            format!("a request body may have at most {limit} MiB"),
        )
    };
    if size > BODY_LIMIT as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_DEADLINE, to_bytes(body, BODY_LIMIT)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            let error = error.into_inner();
            if error.is::<LengthLimitError>() {
                return Err(too_large());
            }
            let text = format!("the body broke off: {error}");
            Err(Failure::new(Code::Body, text))
        }
        Err(_) => Err(Failure::new(
            Code::Body,
            "the body did not arrive within 30 s",
        )),
    }
}

fn decode(name: &str, body: &[u8]) -> Result<Command, Failure> {
    match Command::decode(name, body) {
        None => Err(Failure::new(
            Code::NotFound,
            format!("there is no command {name:?}"),
        )),
        Some(Ok(command)) => Ok(command),
        Some(Err(error)) => {
            let broken = error.is_syntax() || error.is_eof();
            let code = if broken { Code::Body } else { Code::Name };
            Err(Failure::new(
                code,
                format!("the body of {name} is not valid: {error}"),
            ))
        }
    }
}

/// The command line that the history keeps: what the client says, else the command's own name.
fn cli(headers: &HeaderMap, command: &Command) -> String {
    let said = headers
        .get(CLI_HEADER)
        .and_then(|value| value.to_str().ok());
    let said = said.filter(|said| !said.is_empty() && said.len() <= CLI_LIMIT);
    said.map_or_else(|| command.name().to_owned(), ToOwned::to_owned)
}

/// One operation, on request at its end.
pub(super) fn operation(app: &App) -> MethodRouter<App> {
    let app = app.clone();
    get(move |parts: Parts, uri: Uri| async move {
        let answer = async {
            let OperationPart { id } = path_parts(parts)?;
            let WaitQuery { wait_ms } = query(&uri)?;
            let wait = Duration::from_millis(wait_ms.unwrap_or(0).into());
            let id = app.engine().get(&id)?.id;
            app.engine().wait(id.as_str(), wait).await
        };
        respond(answer.await.as_ref())
    })
}

/// Cancels an operation and answers with it at once: `cancelling` says what happens now.
pub(super) fn cancel(app: &App) -> MethodRouter<App> {
    let app = app.clone();
    post(move |parts: Parts, uri: Uri| async move {
        let answer = async {
            let OperationPart { id } = path_parts(parts)?;
            let CancelQuery { if_queued } = query(&uri)?;
            let engine = app.engine();
            let id = engine.get(&id)?.id;
            if if_queued {
                engine.withdraw(id.as_str(), "cancelled")?;
            } else {
                engine.cancel(id.as_str())?;
            }
            // One that was queued ends within this time.
            engine.wait(id.as_str(), CANCEL_ANSWER).await
        };
        respond(answer.await.as_ref())
    })
}

/// Withdraws an operation that has not begun if its client closes the connection.
pub(super) fn withdraw_with(client: ClientLink, app: &App, id: &OpId) {
    let (app, id) = (app.clone(), id.clone());
    tokio::spawn(async move {
        let begun = app.engine().begun(id.as_str());
        tokio::select! {
            // Forgotten is as good as begun.
            _ = begun => {}
            closed = client.closed() => match closed {
                Ok(()) => {
                    let reason = "its client hung up: cancelled";
                    drop(app.engine().withdraw(id.as_str(), reason));
                }
                Err(error) => tracing::warn!(%error, "cannot watch the connection of a client"),
            },
        }
    });
}
