//! `POST /v1/exec`: checks, then hands the connection to `os-helper enter` (ADR-9).

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use os_api::OperationState;
use os_api::command::ContainerStart;
use os_api::exec::{EXEC_PROTOCOL, ExecRequest, HelperFrame};
use os_helper_api::{EnterJob, WindowSize};
use os_runtime::{Entering, Entry, LiveContainer};
use os_types::{Code, ContainerRef, ContainerState, Failure, OpId, StartInit};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;

use super::answer;
use super::client_link::ClientLink;
use super::commands::{BODY_DEADLINE, withdraw_with};
use super::reads::blocking;
use crate::app::App;
use crate::submit;

/// Maximum length of a command line and similar texts, in bytes.
const LIMIT: usize = 1 << 20;

/// A command that can be run, and where.
struct Prepared {
    container: ContainerRef,
    entry: Entry,
    /// Present if the container was started for the command.
    started: Option<StartedForCommand>,
}

/// A container that was started for one command. It is queued as an exit when this is dropped, whether
/// the command is refused, its client leaves or its helper fails, unless the command has begun.
struct StartedForCommand {
    app: App,
    container: ContainerRef,
    has_begun: bool,
}

impl StartedForCommand {
    /// Waits for the end of a start that its client does not wait for any more and whose container is
    /// not used. What it does not start may run for another command.
    async fn settle_late(mut self, id: OpId) {
        let state = submit::end_at_last(&self.app, &id).await;
        self.has_begun = !matches!(state, Ok(OperationState::Finished));
    }
}

impl Drop for StartedForCommand {
    fn drop(&mut self) {
        if !self.has_begun {
            let runtime = self.app.host().runtime();
            runtime.exits().push(self.container.clone());
        }
    }
}

/// The request and the answer 101; failures are answered as for any other request.
pub(super) async fn exec(
    State(app): State<App>,
    Extension(client): Extension<ClientLink>,
    mut request: Request,
) -> Response {
    let wanted = request.headers().get(header::UPGRADE);
    if wanted.is_none_or(|value| value.as_bytes() != EXEC_PROTOCOL.as_bytes()) {
        let text = format!("this address needs the header Upgrade: {EXEC_PROTOCOL}");
        return answer::failure(Failure::new(Code::Body, text));
    }
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        let text = "this connection cannot be upgraded";
        return answer::failure(Failure::new(Code::Body, text));
    };
    let body = axum::body::to_bytes(std::mem::take(request.body_mut()), LIMIT);
    let body = tokio::time::timeout(BODY_DEADLINE, body).await;
    let job = async {
        let late = |_| Failure::new(Code::Body, "the body did not arrive within 30 s");
        let body = body.map_err(late)?;
        let body = body.map_err(|error| Failure::new(Code::TooLarge, error.to_string()))?;
        let request: ExecRequest = serde_json::from_slice(&body).map_err(|error| {
            let text = format!("the body of exec is not valid: {error}");
            Failure::new(Code::Body, text)
        })?;
        let container = container_of(&app, &request)?;
        let live = app.host().runtime().container(&container);
        let is_stopped = live.is_none_or(|live| live.has_ended());
        let started = if request.run && is_stopped {
            Some(start(&app, &container, client).await?)
        } else {
            None
        };
        let work = app.clone();
        blocking(move || prepare(&work, &request, container, started)).await
    };
    let prepared = match job.await {
        Ok(prepared) => prepared,
        Err(failure) => return answer::failure(failure),
    };
    tokio::spawn(async move {
        let handed = match upgrade.await {
            Ok(upgraded) => hand_over(&app, upgraded, prepared).await,
            Err(error) => Err(Failure::new(Code::Protocol, error.to_string())),
        };
        if let Err(failure) = handed {
            tracing::warn!(%failure, "a command was not run");
        }
    });
    let upgraded = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::UPGRADE, EXEC_PROTOCOL)
        .header(header::CONNECTION, "upgrade")
        .body(Body::empty());
    upgraded.unwrap_or_else(|_invalid| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// The container that a command is to run in.
fn container_of(app: &App, request: &ExecRequest) -> Result<ContainerRef, Failure> {
    let state = app.host().state();
    let found = state.find(request.pool.as_ref(), &request.name)?;
    let container = ContainerRef::new(found.pool.name(), &request.name);
    if request.argv.is_empty() || request.argv.iter().any(|word| word.contains('\0')) {
        let text = "the command is empty or has a zero byte";
        return Err(Failure::new(Code::Body, text));
    }
    Ok(container)
}

/// The job of the helper.
fn prepare(
    app: &App,
    request: &ExecRequest,
    container: ContainerRef,
    started: Option<StartedForCommand>,
) -> Result<Prepared, Failure> {
    let runtime = app.host().runtime();
    let live = usable(runtime.container(&container), &container, started.is_some())?;
    let term = request.term.as_deref().unwrap_or("linux");
    let mut entry = runtime.entry(&container, &live, request.argv.clone(), term)?;
    entry.job = EnterJob {
        terminal: request.terminal.map(|size| WindowSize {
            rows: size.rows,
            columns: size.columns,
        }),
        ends_guest: started.is_some(),
        ..entry.job
    };
    Ok(Prepared {
        container,
        entry,
        started,
    })
}

/// Starts a container for one command. The start is withdrawn if the client leaves before it has begun.
async fn start(
    app: &App,
    container: &ContainerRef,
    client: ClientLink,
) -> Result<StartedForCommand, Failure> {
    let command = ContainerStart {
        pool: Some(container.pool.clone()),
        name: container.name.clone(),
        debug: false,
        init: StartInit::Pause,
    };
    let (app, container) = (app.clone(), container.clone());
    let starting = async move {
        let why = "a command will run in it";
        let is_wanted = |_: &App, _: &ContainerRef| true;
        let id = submit::submit_own(&app, &container, command.into(), why, is_wanted).await?;
        withdraw_with(client, &app, &id);
        let ended = submit::end_of(&app, &id).await;
        let started = StartedForCommand {
            app,
            container,
            has_begun: false,
        };
        if let Err(failure) = ended {
            tokio::spawn(started.settle_late(id));
            return Err(failure);
        }
        Ok(started)
    };
    // A task of its own: a client that leaves drops the request, but not the container that is started.
    let started = tokio::spawn(starting).await;
    started.map_err(|error| Failure::new(Code::Internal, format!("a start died: {error}")))?
}

/// The container, if a command can come in.
fn usable(
    live: Option<LiveContainer>,
    container: &ContainerRef,
    ours: bool,
) -> Result<LiveContainer, Failure> {
    let Some(live) = live else {
        let next = format!("osctl ct start {container}");
        return Err(is(container, ContainerState::Stopped).next(next));
    };
    match live.state {
        ContainerState::Running | ContainerState::Stopping if live.is_exec_only() && !ours => {
            let text = format!(
                "container {container} runs only for another `osctl ct exec --run-container`"
            );
            Err(Failure::new(Code::ContainerState, text)
                .about(format!("container {container}"))
                .next(format!("osctl ct wait {container} stopped")))
        }
        // An administrator looks into a shutdown that hangs. What comes in is killed with the rest.
        ContainerState::Stopping if live.init.is_some() => Ok(live),
        ContainerState::Running => Ok(live),
        ContainerState::Frozen | ContainerState::Freezing => {
            Err(is(container, ContainerState::Frozen)
                .next(format!("osctl ct unfreeze {container}")))
        }
        other => Err(is(container, other).next(format!("osctl ct show {container}"))),
    }
}

fn is(container: &ContainerRef, state: ContainerState) -> Failure {
    let text = format!("container {container} is {state}");
    Failure::new(Code::ContainerState, text).about(format!("container {container}"))
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
    let socket = socket.map_err(|error| Failure::new(Code::System, error.to_string()))?;
    // Reports to the client that the helper did not get into the guest, which the helper cannot do then.
    let client = socket.try_clone();
    let client = client.map_err(|error| Failure::new(Code::System, error.to_string()))?;
    let app = app.clone();
    let Prepared {
        container,
        entry,
        started,
    } = prepared;
    let entering = blocking(move || {
        let runtime = app.host().runtime();
        runtime.enter(&container, socket.into(), entry)
    });
    let entered = match entering.await {
        Ok(entering) => enter(entering).await,
        Err(failure) => Err(failure),
    };
    if let Some(mut started) = started {
        started.has_begun = entered.is_ok();
    }
    if let Err(failure) = &entered {
        let failed = HelperFrame::Failed {
            status: 125,
            message: failure.to_string(),
        };
        let told = serde_json::to_vec(&failed)
            .map_err(std::io::Error::from)
            .and_then(|frame| os_sys::send_frame(&client, &frame, &[]));
        // A helper that hangs has the other copy of the socket.
        if told.is_err() || client.shutdown(std::net::Shutdown::Both).is_err() {
            tracing::debug!("the client of a command is gone");
        }
    }
    entered
}

/// Waits, without a thread, until the command runs: a guest can hold it up, and as many of them as come
/// must block nothing else.
async fn enter(entering: Entering) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(Code::System, error.to_string());
    let mut pipe = Receiver::from_owned_fd(entering.pipe()?).map_err(failed)?;
    let mut said = Vec::new();
    let reading = pipe.read_to_end(&mut said);
    let in_time = match tokio::time::timeout(Entry::TIMEOUT, reading).await {
        Ok(read) => read.map(|_| true).map_err(failed)?,
        Err(_late) => false,
    };
    blocking(move || entering.finish(in_time.then_some(said.as_slice()))).await
}
