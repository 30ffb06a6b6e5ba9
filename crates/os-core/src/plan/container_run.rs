//! `container-start`, `-stop`, `-restart`, `-freeze` and `-unfreeze`: what changes only what runs.

use os_api::command::{
    ContainerFreeze, ContainerRestart, ContainerStart, ContainerStop, ContainerUnfreeze,
};
use os_types::step::{FreezeStep, RunStep};
use os_types::{
    Code, ContainerName, ContainerState, Failure, Plan, PoolName, Presence, StartInit, StartPolicy,
    Step, StopMethod, StopPolicy,
};

use super::container_move;
use super::context::{Context, on_pool, running};
use crate::document::ContainerDoc;
use crate::state::Found;

/// The container is in a state that the command cannot work with; `next` is the `osctl ct` command
/// that leads out of it.
pub(super) fn is(name: &str, state: ContainerState, next: &str) -> Failure {
    Failure::new(Code::ContainerState, format!("container {name} is {state}"))
        .about(format!("container {name}"))
        .next(format!("osctl ct {next} {name}"))
}

/// Refuses a container that runs; the step that puts away one that has just ended by itself.
pub(super) fn stopped(
    pool: &PoolName,
    name: &ContainerName,
    context: &Context<'_>,
) -> Result<Vec<Step>, Failure> {
    match context.facts.container_state(pool, name) {
        ContainerState::Stopped => Ok(Vec::new()),
        // We hold the lock, so no other operation is stopping it.
        ContainerState::Stopping => {
            let away = run(pool, name, &StopPolicy::if_ended(), Presence::Absent);
            Ok(vec![away])
        }
        state => Err(is(&format!("{pool}:{name}"), state, "stop")),
    }
}

/// The step that starts or stops a container.
pub(super) fn run(pool: &PoolName, name: &ContainerName, stop: &StopPolicy, to: Presence) -> Step {
    Step::Run(RunStep {
        pool: pool.clone(),
        container: name.clone(),
        start: StartPolicy::default(),
        stop: stop.clone(),
        to,
    })
}

/// What a container needs to be started.
pub(super) fn startable(
    found: &Found<'_, ContainerDoc>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let doc = &found.usable()?.doc;
    let pool = found.pool.name();
    let user = context.find(Some(pool), &doc.user)?;
    user.usable()?;
    if let Some(failure) = context.state.failure(pool, &doc.user) {
        return Err(failure.clone());
    }
    context.find(Some(pool), &doc.group)?.usable()?;
    if context.facts.account(pool, &doc.user).is_none() {
        let user = format!("{pool}:{}", doc.user);
        let text = format!("the system user of {user} does not exist, so nothing of it can run");
        return Err(Failure::new(Code::NotFound, text)
            .about(format!("user {user}"))
            .next(format!("osctl user register {user}")));
    }
    Ok(())
}

pub(super) fn start(body: &ContainerStart, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    let pool = found.pool.name();
    startable(&found, context)?;
    let state = context.facts.container_state(pool, &body.name);
    let exec_only = context.facts.is_exec_only(pool, &body.name);
    let is_alive = matches!(state, ContainerState::Running | ContainerState::Frozen);
    if is_alive && (exec_only || body.init == StartInit::Pause) {
        let name = format!("{pool}:{}", body.name);
        let text = format!("container {name} runs only for `osctl ct exec --run-container`");
        return Err(Failure::new(Code::ContainerState, text)
            .about(format!("container {name}"))
            .next(format!("osctl ct wait {name} stopped")));
    }
    let mut steps = Vec::new();
    // We hold the lock, so Stopping means that init exited by itself.
    if matches!(
        state,
        ContainerState::Stopped | ContainerState::Starting | ContainerState::Stopping
    ) {
        steps.push(Step::Run(RunStep {
            pool: pool.clone(),
            container: body.name.clone(),
            start: StartPolicy {
                debug: body.debug,
                init: body.init,
            },
            stop: StopPolicy::kill(),
            to: Presence::Present,
        }));
    }
    Ok(running(steps, [found.entity.clone()]))
}

pub(super) fn stop(body: &ContainerStop, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    let pool = found.pool.name();
    let mut steps = Vec::new();
    if context.facts.container_state(pool, &body.name).is_alive() {
        steps.push(run(pool, &body.name, &body.policy, Presence::Absent));
        if goes_when_stopped(&found, body, context) {
            let touches = container_move::remove(&found, &body.name, context, &mut steps)?;
            return Ok(on_pool(pool, steps, touches));
        }
    }
    Ok(running(steps, [found.entity.clone()]))
}

/// Whether it is deleted with this stop. A container that stops by itself is deleted by another command, once
/// it is known that it was not started again.
fn goes_when_stopped(
    found: &Found<'_, ContainerDoc>,
    body: &ContainerStop,
    context: &Context<'_>,
) -> bool {
    let doc = found.entry.doc();
    let is_ephemeral = doc.is_some_and(|doc| doc.settings.ephemeral == Some(true));
    let is_exec_only = context.facts.is_exec_only(found.pool.name(), &body.name);
    is_ephemeral && !is_exec_only && body.policy.method != StopMethod::IfEnded
}

pub(super) fn restart(body: &ContainerRestart, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    let pool = found.pool.name();
    startable(&found, context)?;
    let mut steps = Vec::new();
    if context.facts.container_state(pool, &body.name).is_alive() {
        steps.push(run(pool, &body.name, &body.policy, Presence::Absent));
    }
    // A start that has to be taken back is killed: the guest has done nothing yet.
    steps.push(run(
        pool,
        &body.name,
        &StopPolicy::kill(),
        Presence::Present,
    ));
    Ok(running(steps, [found.entity.clone()]))
}

pub(super) fn freeze(body: &ContainerFreeze, context: &Context<'_>) -> Result<Plan, Failure> {
    let target = (body.pool.as_ref(), &body.name);
    change(target, context, ContainerState::Frozen, Presence::Present)
}

pub(super) fn unfreeze(body: &ContainerUnfreeze, context: &Context<'_>) -> Result<Plan, Failure> {
    let target = (body.pool.as_ref(), &body.name);
    change(target, context, ContainerState::Running, Presence::Absent)
}

fn change(
    (pool, name): (Option<&PoolName>, &ContainerName),
    context: &Context<'_>,
    wanted: ContainerState,
    to: Presence,
) -> Result<Plan, Failure> {
    let found = context.find(pool, name)?;
    let pool = found.pool.name();
    let state = context.facts.container_state(pool, name);
    if !state.is_alive() {
        return Err(is(&format!("{pool}:{name}"), state, "start"));
    }
    let step = Step::Freeze(FreezeStep {
        pool: pool.clone(),
        container: name.clone(),
        to,
    });
    let steps = if state == wanted {
        Vec::new()
    } else {
        vec![step]
    };
    Ok(running(steps, [name.entity(pool)]))
}
