//! Waiting until a guest is up.

use std::time::Duration;

use os_api::endpoint::{ContainerPart, ContainerReady, WaitQuery};
use os_api::view::{Readiness, ReadyState};
use os_types::{Code, ContainerName, Failure};
use tokio::time::Instant;

use crate::context::Ctx;
use crate::fault::{Fault, INTERRUPTED, Outcome};
use crate::reading;
use crate::target::Ref;

/// How long the daemon is asked to hold one answer back.
const STEP: Duration = Duration::from_secs(20);

/// Waits until a guest is up, and says how that is known.
pub(super) fn wait(ctx: &mut Ctx, id: Ref<ContainerName>, seconds: u32) -> Outcome {
    let found = reading::container(ctx, id)?;
    let part = ContainerPart {
        pool: found.pool,
        name: found.name,
    };
    let within = Duration::from_secs(seconds.into());
    let asked = ctx.client.run(async |client| {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).min(STEP);
            let query = WaitQuery {
                wait_ms: u32::try_from(left.as_millis()).ok(),
            };
            let asked = client.ask_async::<ContainerReady>(&part, &query, left);
            let answer = tokio::select! {
                answer = asked => answer?,
                _ = tokio::signal::ctrl_c() => return Err(Fault::Status(INTERRUPTED)),
            };
            if answer.state != ReadyState::NotYet || Instant::now() >= deadline {
                return Ok(answer);
            }
        }
    })?;
    tell(ctx, &part, seconds, &asked?)
}

fn tell(ctx: &mut Ctx, part: &ContainerPart, seconds: u32, answer: &Readiness) -> Outcome {
    let ContainerPart { pool, name } = part;
    if ctx.globals.json {
        ctx.printer.json(answer)?;
    }
    let by = &answer.by;
    let (code, message) = match answer.state {
        ReadyState::Ready => {
            ctx.printer.note(format_args!("{pool}:{name} is up: {by}"));
            return Ok(());
        }
        ReadyState::NotYet => {
            let text = format!("container {pool}:{name} is not up after {seconds} s: {by}");
            (Code::Deadline, text)
        }
        ReadyState::Stopped => {
            let text = format!("container {pool}:{name} ended before it was up: {by}");
            (Code::ContainerState, text)
        }
    };
    let failure = Failure::new(code, message).about(format_args!("container {pool}:{name}"));
    Err(failure
        .next(format!("osctl ct log cat {pool}:{name}"))
        .into())
}
