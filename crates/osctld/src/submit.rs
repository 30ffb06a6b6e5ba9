//! From a command to a plan or an operation.

use std::sync::Arc;
use std::time::Duration;

use os_api::{Command, CommandPlan, OperationState};
use os_engine::{OperationRequest, Planned, Slot, Strength, UndoTarget};
use os_types::{
    Code, ContainerRef, EntityRef, Failure, JournalPlace, OpId, Plan, Step, StopMethod,
};

use crate::app::App;
use crate::autostart;

/// How long to wait for the end of a command of the daemon's own.
pub(crate) const OWN_DEADLINE: Duration = Duration::from_mins(10);

/// How long steps that run side by side keep others of their group from beginning.
const ROUND: Duration = Duration::from_secs(10);

/// The client of a command, and its options.
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
pub(crate) fn plan(app: &App, command: &Command) -> Result<CommandPlan, Failure> {
    let (undoes, plan) = match command {
        Command::Undo(undo) => {
            let (id, plan) = app.engine().undo_plan(&target(undo))?;
            (Some(id), plan)
        }
        other => (None, app.host().preview(other)?),
    };
    Ok(CommandPlan { plan, undoes })
}

/// Makes the command an operation. What is plainly wrong with it is an error here; what turns out to
/// be wrong when its turn has come is the failure of the operation.
pub(crate) async fn submit(app: &App, command: Command, who: Who) -> Result<OpId, Failure> {
    let imports = match &command {
        Command::PoolImport(import) => Some((import.pool.clone(), import.autostart)),
        _ => None,
    };
    let planner = app.clone();
    let planning = move || request(&planner, command);
    let request = app.engine().on_thread(planning).await?;
    let request = OperationRequest {
        cli: who.cli,
        uid: who.uid,
        pid: who.pid,
        ..request
    };
    let id = app.admission().submit(app.engine(), request)?;
    if let Some((pool, starts)) = imports {
        autostart::after_import(app, pool, starts, id.clone());
    }
    Ok(id)
}

/// Runs a command of the daemon's own about a container to its end.
pub(crate) async fn own(
    app: &App,
    container: &ContainerRef,
    command: Command,
    why: &str,
) -> Result<(), Failure> {
    let id = submit_own(app, container, command, why, |_, _| true).await?;
    end_of(app, &id).await
}

/// Submits a command of the daemon's own about a container. It is subject to no bound: what has to be
/// done when a container ends does not get lost. It fails with [`Code::Cancelled`] if it is not wanted
/// any more when it has its locks. A start fails with [`Code::Draining`] while the daemon is being prepared
/// for a stop; what clears away a container that has ended does not.
pub(crate) async fn submit_own(
    app: &App,
    container: &ContainerRef,
    command: Command,
    why: &str,
    is_wanted: impl Fn(&App, &ContainerRef) -> bool + Send + Sync + 'static,
) -> Result<OpId, Failure> {
    let planning = app.clone();
    let is_start = matches!(command, Command::ContainerStart(_));
    let planning = move || request(&planning, command);
    let mut request = app.engine().on_thread(planning).await?;
    request.cli = format!("osctld: container {container}: {why}");
    let (planner, host, subject) = (request.planner, app.clone(), container.clone());
    request.planner = Arc::new(move || {
        if is_wanted(&host, &subject) {
            return planner();
        }
        let text = format!("container {subject} was stopped or started meanwhile");
        Err(Failure::new(Code::Cancelled, text))
    });
    if is_start {
        return app.admission().submit(app.engine(), request);
    }
    app.engine().submit(request)
}

/// Waits for the end of a command of the daemon's own.
pub(crate) async fn end_of(app: &App, id: &OpId) -> Result<(), Failure> {
    let operation = app.engine().wait(id.as_str(), OWN_DEADLINE).await?;
    if operation.state.is_final() {
        return operation.failure.map_or(Ok(()), Err);
    }
    let minutes = OWN_DEADLINE.as_secs() / 60;
    let text = format!("operation {id} has not ended within {minutes} minutes");
    Err(Failure::new(Code::Deadline, text).next(format!("osctl operation show {id}")))
}

/// Waits for the end of an operation, however long that takes.
///
/// # Errors
/// If there is no such operation any more.
pub(crate) async fn end_at_last(app: &App, id: &OpId) -> Result<OperationState, Failure> {
    loop {
        let state = app.engine().wait(id.as_str(), OWN_DEADLINE).await?.state;
        if state.is_final() {
            return Ok(state);
        }
    }
}

fn target(undo: &os_api::command::Undo) -> UndoTarget {
    undo.operation
        .clone()
        .map_or(UndoTarget::Newest, UndoTarget::Operation)
}

/// On a thread that may block.
fn request(app: &App, command: Command) -> Result<OperationRequest, Failure> {
    if let Command::Undo(undo) = &command {
        return app.engine().undo_work(&target(undo));
    }
    let plan = app.host().preview(&command)?;
    let name = command.name().to_owned();
    let deadline = deadline(&plan);
    let strength = strength(&command);
    let is_stop = matches!(command, Command::ContainerStop(_));
    let slot = slot(app, &command, &plan);
    let app = app.clone();
    Ok(OperationRequest {
        command: name,
        cli: String::new(),
        uid: 0,
        pid: 0,
        touches: plan.touches,
        deadline,
        strength,
        slot,
        undoes: None,
        planner: Arc::new(move || {
            let planned = app.host().plan(&command);
            if is_stop && planned.as_ref().is_err_and(|f| f.code == Code::NotFound) {
                // It was there when the command came. An ephemeral one is deleted when it has ended.
                return Ok(nothing());
            }
            planned
        }),
    })
}

/// The plan of a command whose end state has come about meanwhile.
fn nothing() -> Planned {
    let plan = Plan {
        steps: Vec::new(),
        touches: Vec::new(),
        journal: JournalPlace::Run,
        parallel: Vec::new(),
    };
    plan.into()
}

/// How a command stands to others about the same container: a kill waits for none of them, and
/// interrupts operations that only change a container that will be killed.
const fn strength(command: &Command) -> Strength {
    match command {
        Command::ContainerStop(stop) => match stop.policy.method {
            StopMethod::Kill => Strength::Urgent,
            _ => Strength::Yielding,
        },
        Command::ContainerStart(_) | Command::ContainerRestart(_) => Strength::Starting,
        Command::ContainerFreeze(_)
        | Command::ContainerUnfreeze(_)
        | Command::ContainerSet(_)
        | Command::ContainerUnset(_)
        | Command::ContainerConfigReload(_) => Strength::Yielding,
        _ => Strength::Normal,
    }
}

/// How many commands of its kind run at a time on the pool of a container.
fn slot(app: &App, command: &Command, plan: &Plan) -> Option<Slot> {
    let pool = plan.touches.iter().find_map(EntityRef::pool)?;
    let state = app.host().state();
    let settings = state.pool(pool)?.settings();
    let (what, width) = match command {
        Command::ContainerStart(_) | Command::ContainerRestart(_) => {
            ("starts", settings.parallel_start())
        }
        Command::ContainerStop(stop) => match stop.policy.method {
            StopMethod::Kill | StopMethod::IfEnded => return None,
            _ => ("stops", settings.parallel_stop()),
        },
        _ => return None,
    };
    Some(Slot {
        name: format!("{what} on pool {pool}"),
        width: width as usize,
    })
}

/// How long the operation may take: what it waits for comes on top of the steps. Steps that run side
/// by side wait together.
fn deadline(plan: &Plan) -> Duration {
    let wait = |step: &Step| match step {
        Step::Run(run) => run.stop.timeout(),
        Step::Image(_) => Duration::from_hours(1),
        _ => Duration::ZERO,
    };
    let steps = || (1..).zip(&plan.steps);
    let group_of = |number: usize| {
        let mut groups = plan.parallel.iter();
        groups.find(|group| (group.first..group.first + group.count).contains(&number))
    };
    let alone = steps().filter(|(number, _)| group_of(*number).is_none());
    let alone: Duration = alone.map(|(_, step)| wait(step)).sum();
    let together = plan.parallel.iter().map(|group| {
        let steps = plan.steps.iter().skip(group.first - 1).take(group.count);
        let rounds = u32::try_from(group.count / group.width.max(1)).unwrap_or(u32::MAX);
        steps.map(wait).max().unwrap_or_default() + ROUND.saturating_mul(rounds)
    });
    os_engine::DEADLINE + alone + together.sum::<Duration>()
}
