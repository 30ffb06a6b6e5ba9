//! `POST /v1/exec`: checks, then hands the connection to `os-helper enter` (ADR-9).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use os_api::command::{ContainerStart, ContainerStop};
use os_api::exec::{EXEC_PROTOCOL, EnterJob, ExecRequest};
use os_types::{Code, ContainerState, Failure, StartInit, StopPolicy};
use tokio::net::UnixStream;

use super::answer;
use super::reads::blocking;
use crate::app::App;
use crate::runtime::{Key, Slot, enter};
use crate::submit;

/// A command line and the like may have so many bytes.
const LIMIT: usize = 1 << 20;

/// A command that can be run, and where.
struct Prepared {
    key: Key,
    job: EnterJob,
}

/// The request and the answer 101; everything else is told as for any other request.
pub(super) async fn exec(State(app): State<App>, mut request: Request) -> Response {
    let wanted = request.headers().get(header::UPGRADE);
    if wanted.is_none_or(|value| value.as_bytes() != EXEC_PROTOCOL.as_bytes()) {
        let text = format!("this address needs the header Upgrade: {EXEC_PROTOCOL}");
        return answer::failure(Failure::new(Code::Body, text));
    }
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let body = axum::body::to_bytes(std::mem::take(request.body_mut()), LIMIT).await;
    let work = app.clone();
    let job = blocking(move || {
        let body = body.map_err(|error| Failure::new(Code::TooLarge, error.to_string()))?;
        let request: ExecRequest = serde_json::from_slice(&body).map_err(|error| {
            Failure::new(
                Code::Body,
                format!("the body of exec is not valid: {error}"),
            )
        })?;
        prepare(&work, &request)
    });
    let (prepared, upgrade) = match (job.await, upgrade) {
        (Ok(prepared), Some(upgrade)) => (prepared, upgrade),
        (Err(failure), _) => return answer::failure(failure),
        (_, None) => {
            let text = "this connection cannot be upgraded";
            return answer::failure(Failure::new(Code::Body, text));
        }
    };
    let (key, starts) = (prepared.key.clone(), prepared.job.ends_guest);
    tokio::spawn(async move {
        let handed = match upgrade.await {
            Ok(upgraded) => hand_over(&app, upgraded, prepared).await,
            Err(error) => Err(Failure::new(Code::Protocol, error.to_string())),
        };
        let Err(failure) = handed else {
            return;
        };
        tracing::warn!(%failure, "a command was not run");
        if starts {
            tokio::task::spawn_blocking(move || end(&app, &key));
        }
    });
    let upgraded = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::UPGRADE, EXEC_PROTOCOL)
        .header(header::CONNECTION, "upgrade")
        .body(Body::empty());
    upgraded.unwrap_or_else(|_invalid| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// What the helper has to be told. A stopped container is started for it, if that was asked for.
fn prepare(app: &App, request: &ExecRequest) -> Result<Prepared, Failure> {
    let host = app.host();
    let state = host.state();
    let found = state.find_container(request.pool.as_ref(), &request.name);
    let found = found.map_err(|error| Failure::from(&error))?;
    let key: Key = (found.pool.name().clone(), request.name.clone());
    if request.argv.is_empty() || request.argv.iter().any(|word| word.contains('\0')) {
        let text = "the command is empty or has a zero byte";
        return Err(Failure::new(Code::Body, text));
    }
    let is_stopped = host
        .runtime()
        .slot(&key)
        .is_none_or(|slot| slot.has_ended());
    let starts = request.run && is_stopped;
    if starts {
        start(app, &key)?;
    }
    let slot = usable(host.runtime().slot(&key), &key, starts)?;
    let term = request.term.as_deref().unwrap_or("linux");
    let job = enter::job(&slot, request.argv.clone(), term);
    let job = job.ok_or_else(|| is(&key, ContainerState::Stopping))?;
    Ok(Prepared {
        job: EnterJob {
            terminal: request.terminal,
            ends_guest: starts,
            ..job
        },
        key,
    })
}

/// Starts a container for one command.
fn start(app: &App, key: &Key) -> Result<(), Failure> {
    let command = ContainerStart {
        pool: Some(key.0.clone()),
        name: key.1.clone(),
        debug: false,
        init: StartInit::Idle,
    };
    submit::by_itself(app, key, command.into(), "a command is to be run in it")
}

/// Ends a container that was started for one command, if it still runs for it.
fn end(app: &App, key: &Key) {
    let slot = app.host().runtime().slot(key);
    if slot.is_none_or(|slot| slot.kind != StartInit::Idle || slot.has_ended()) {
        return;
    }
    let command = ContainerStop {
        pool: Some(key.0.clone()),
        name: key.1.clone(),
        policy: StopPolicy::kill(),
    };
    let ended = submit::by_itself(app, key, command.into(), "its command has ended");
    if let Err(failure) = ended {
        tracing::error!(%failure, "a container that ran for a command is not ended");
    }
}

/// The container, if a command can come in.
fn usable(slot: Option<Slot>, key: &Key, ours: bool) -> Result<Slot, Failure> {
    let (pool, name) = key;
    let Some(slot) = slot else {
        return Err(is(key, ContainerState::Stopped).next(format!("osctl ct start {pool}:{name}")));
    };
    match slot.state {
        ContainerState::Running if slot.kind == StartInit::Idle && !ours => {
            let text = format!(
                "container {pool}:{name} runs only for another `osctl ct exec --run-container`"
            );
            Err(Failure::new(Code::ContainerState, text)
                .about(format!("container {pool}:{name}"))
                .next(format!("osctl ct wait {pool}:{name} stopped")))
        }
        ContainerState::Running => Ok(slot),
        ContainerState::Frozen | ContainerState::Freezing => {
            Err(is(key, ContainerState::Frozen).next(format!("osctl ct unfreeze {pool}:{name}")))
        }
        other => Err(is(key, other).next(format!("osctl ct show {pool}:{name}"))),
    }
}

fn is((pool, name): &Key, state: ContainerState) -> Failure {
    let text = format!("container {pool}:{name} is {state}");
    Failure::new(Code::ContainerState, text).about(format!("container {pool}:{name}"))
}

/// Takes the socket out of the HTTP server and gives it to the helper.
async fn hand_over(app: &App, upgraded: Upgraded, prepared: Prepared) -> Result<(), Failure> {
    let parts = upgraded.downcast::<TokioIo<UnixStream>>();
    let parts = parts.map_err(|_other| Failure::new(Code::Internal, "no socket to hand over"))?;
    if !parts.read_buf.is_empty() {
        // Descriptors that came with them are lost: a client has to wait for 101.
        return Err(Failure::new(
            Code::Protocol,
            "the client did not wait for the upgrade",
        ));
    }
    let socket = parts.io.into_inner().into_std();
    let socket = socket.and_then(|socket| socket.set_nonblocking(false).map(|()| socket));
    let socket = socket.map_err(|error| Failure::new(Code::Step, error.to_string()))?;
    let app = app.clone();
    blocking(move || {
        let Prepared { key, job } = prepared;
        let (host, starts) = (app.clone(), job.ends_guest);
        // On a thread of its own: who watches processes must not wait for one.
        let then = move || {
            if starts {
                std::thread::spawn(move || end(&app, &key));
            }
        };
        enter::spawn(host.host(), socket.into(), &job, then)
    })
    .await
}
