//! `POST /v1/exec`: checks, then hands the connection to `os-helper enter` (ADR-9).

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use os_api::exec::{EXEC_PROTOCOL, EnterJob, ExecRequest};
use os_sys::SpawnRequest;
use os_types::{Code, ContainerState, Failure, chain};
use rustix::fs::MemfdFlags;
use tokio::net::UnixStream;

use super::answer;
use super::reads::blocking;
use crate::app::App;

/// A command line and the like may have so many bytes.
const LIMIT: usize = 1 << 20;

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
    let (job, upgrade) = match (job.await, upgrade) {
        (Ok(job), Some(upgrade)) => (job, upgrade),
        (Err(failure), _) => return answer::failure(failure),
        (_, None) => {
            let text = "this connection cannot be upgraded";
            return answer::failure(Failure::new(Code::Body, text));
        }
    };
    tokio::spawn(async move {
        let handed = match upgrade.await {
            Ok(upgraded) => hand_over(&app, upgraded, job).await,
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

/// What the helper has to be told.
fn prepare(app: &App, request: &ExecRequest) -> Result<EnterJob, Failure> {
    let host = app.host();
    let state = host.state();
    let found = state.find_container(request.pool.as_ref(), &request.name);
    let found = found.map_err(|error| Failure::from(&error))?;
    let key = (found.pool.name().clone(), request.name.clone());
    let name = format!("{}:{}", key.0, key.1);
    let not_now = |state: &str| {
        Failure::new(Code::ContainerState, format!("container {name} is {state}"))
            .about(format!("container {name}"))
    };
    if request.argv.is_empty() || request.argv.iter().any(|word| word.contains('\0')) {
        return Err(Failure::new(
            Code::Body,
            "the command is empty or has a zero byte",
        ));
    }
    let slot = host.runtime().slot(&key);
    let slot = slot.ok_or_else(|| not_now("stopped").next(format!("osctl ct start {name}")))?;
    match slot.state {
        ContainerState::Running => {}
        ContainerState::Frozen | ContainerState::Freezing => {
            return Err(not_now("frozen").next(format!("osctl ct unfreeze {name}")));
        }
        other => return Err(not_now(other.as_str()).next(format!("osctl ct show {name}"))),
    }
    let init_pid = slot.init_pid.unwrap_or_default();
    let doc = found.entry.doc();
    let policy = doc.and_then(|doc| doc.seccomp_profile.as_ref());
    let seccomp = match policy {
        None => os_lxc::seccomp::DEFAULT_POLICY.to_owned(),
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            Failure::new(
                Code::Step,
                format!("cannot read {}: {error}", path.display()),
            )
        })?,
    };
    let term = request.term.clone().unwrap_or_else(|| "linux".to_owned());
    let variables = [
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
        ),
        ("HOME", "/root".to_owned()),
        ("USER", "root".to_owned()),
        ("LOGNAME", "root".to_owned()),
        ("TERM", term),
        ("container", "lxc".to_owned()),
    ];
    Ok(EnterJob {
        init_pid,
        init_start: crate::runtime::start_time(init_pid).ok_or_else(|| not_now("stopping"))?,
        argv: request.argv.clone(),
        environment: variables
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
        terminal: request.terminal,
        seccomp,
    })
}

/// Takes the socket out of the HTTP server and gives it to the helper.
async fn hand_over(app: &App, upgraded: Upgraded, job: EnterJob) -> Result<(), Failure> {
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
    blocking(move || spawn(&app, socket.into(), &job)).await
}

fn spawn(app: &App, socket: OwnedFd, job: &EnterJob) -> Result<(), Failure> {
    let host = app.host();
    let system = |error: std::io::Error| Failure::new(Code::Step, error.to_string());
    let text = serde_json::to_vec(job).unwrap_or_default();
    let memory = rustix::fs::memfd_create("enter", MemfdFlags::CLOEXEC);
    let mut memory = File::from(memory.map_err(|errno| system(errno.into()))?);
    memory.write_all(&text).map_err(system)?;
    let mut request = SpawnRequest::new(host.lxc()?.program())
        .args(["enter", "1"])
        .stdin(socket)
        .stdout(OwnedFd::from(memory));
    let groups = host.cgroups().join_fds_of(job.init_pid);
    for procs in groups.map_err(|error| Failure::new(Code::Step, chain(&error)))? {
        request = request.cgroup(procs);
    }
    let child = os_sys::spawn(request);
    let child = child.map_err(|error| Failure::new(Code::Step, chain(&error)))?;
    host.runtime().watch.child(child, || ());
    Ok(())
}
