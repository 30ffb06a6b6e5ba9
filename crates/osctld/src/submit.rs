//! From a command to a plan or an operation.

use std::sync::Arc;

use os_api::{Command, OperationState};
use os_engine::{Host as _, OperationRequest, Strength, UndoTarget};
use os_types::step::{ImageStep, RunStep};
use os_types::{ContainerRef, Failure, OpId, Plan, PoolName, StopMethod};

use crate::app::App;
use crate::autostart;

/// A command of the daemon's own ends within this time, or somebody else has the container for long.
const OWN_PATIENCE: std::time::Duration = std::time::Duration::from_mins(10);

/// Who gave a command, and how.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    /// User id of the client.
    pub(crate) uid: u32,
    /// Process id of the client.
    pub(crate) pid: i32,
    /// The command line, secrets removed.
    pub(crate) cli: String,
}

/// What the command would do now.
pub(crate) fn plan(app: &App, command: &Command) -> Result<Plan, Failure> {
    match command {
        Command::Undo(undo) => app.engine().undo_plan(&target(undo)).map(|(_, plan)| plan),
        other => compile(app, other),
    }
}

/// Makes the command an operation. What is plainly wrong with it is told here; what turns out to be
/// wrong when its turn has come is the failure of the operation.
pub(crate) fn submit(app: &App, command: Command, who: Who) -> Result<OpId, Failure> {
    let starts = match &command {
        Command::PoolImport(import) if import.autostart => Some(import.pool.clone()),
        _ => None,
    };
    let work = match &command {
        Command::Undo(undo) => app.engine().undo_work(&target(undo))?,
        _ => work(app, command)?,
    };
    let id = app.engine().submit(OperationRequest {
        cli: who.cli,
        uid: who.uid,
        pid: who.pid,
        ..work
    })?;
    if let Some(pool) = starts {
        start_with(app, pool, id.clone());
    }
    Ok(id)
}

/// Once a pool has been imported, starts what is to be started with it.
fn start_with(app: &App, pool: PoolName, import: OpId) {
    let app = app.clone();
    tokio::task::spawn_blocking(move || {
        let imported = app.wait(import.as_str(), OWN_PATIENCE);
        if imported.is_ok_and(|operation| operation.state == OperationState::Finished) {
            autostart::run(&app, &pool);
        }
    });
}

/// Runs a command of the daemon's own about a container to its end, on a thread that may wait.
pub(crate) fn by_itself(
    app: &App,
    container: &ContainerRef,
    command: Command,
    why: &str,
) -> Result<(), Failure> {
    let who = Who {
        uid: 0,
        pid: 0,
        cli: format!("osctld: container {container}: {why}"),
    };
    let operation = app.on_runtime(|| {
        let id = submit(app, command, who)?;
        app.wait(id.as_str(), OWN_PATIENCE)
    })?;
    operation?.failure.map_or(Ok(()), Err)
}

fn target(undo: &os_api::command::Undo) -> UndoTarget {
    undo.operation
        .clone()
        .map_or(UndoTarget::Newest, UndoTarget::Operation)
}

fn work(app: &App, command: Command) -> Result<OperationRequest, Failure> {
    let plan = compile(app, &command)?;
    let name = command.name().to_owned();
    let deadline = deadline(&plan);
    let strength = strength(&command);
    let app = app.clone();
    Ok(OperationRequest {
        command: name,
        cli: String::new(),
        uid: 0,
        pid: 0,
        touches: plan.touches,
        deadline,
        strength,
        undoes: None,
        planner: Arc::new(move || compile(&app, &command)),
    })
}

/// How a command stands to others about the same container: a kill waits for none of them, and
/// interrupts what only changes a container that is to be killed.
const fn strength(command: &Command) -> Strength {
    match command {
        Command::ContainerStop(stop) => match stop.policy.method {
            StopMethod::Kill => Strength::Urgent,
            _ => Strength::Yielding,
        },
        Command::ContainerStart(_)
        | Command::ContainerRestart(_)
        | Command::ContainerFreeze(_)
        | Command::ContainerUnfreeze(_)
        | Command::ContainerSet(_)
        | Command::ContainerUnset(_)
        | Command::ContainerConfigReload(_) => Strength::Yielding,
        _ => Strength::Normal,
    }
}

/// How long the operation may take: what it waits for in guests comes on top.
fn deadline(plan: &Plan) -> std::time::Duration {
    let waits = plan.steps.iter().filter_map(|step| match step {
        os_types::Step::Run(RunStep { stop, .. }) => Some(stop.timeout()),
        os_types::Step::Image(ImageStep { .. }) => Some(std::time::Duration::from_hours(1)),
        _ => None,
    });
    os_engine::DEADLINE + waits.sum::<std::time::Duration>()
}

fn compile(app: &App, command: &Command) -> Result<Plan, Failure> {
    let host = app.host();
    let plan = os_core::plan(command, &host.state(), &host.facts_for(command)?)?;
    host.verify(&plan)?;
    Ok(plan)
}
