//! `osctl ct wait`.

use std::time::{Duration, Instant};

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::endpoint::{ContainerGet, ContainerPart, EventsQuery, Nothing, PingGet};
use os_api::event::EntityChange;
use os_api::{Event, EventBody};
use os_types::{Code, ContainerName, ContainerState, EntityRef, Failure};

use crate::client::events::Stop;
use crate::cmd::{Run, one_of};
use crate::context::Ctx;
use crate::fault::{Fault, Outcome};
use crate::target::Ref;
use crate::{complete, reading};

/// Wait until a container is in one of some states, and print which
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct wait --timeout 60 web stopped")]
pub(crate) struct Wait {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
    /// The states
    #[arg(required = true, value_parser = one_of(&ContainerState::ALL, ContainerState::as_str))]
    states: Vec<ContainerState>,
    /// Timeout in seconds (exit code 7)
    #[arg(long, value_name = "SECONDS", default_value = "3600",
        value_parser = clap::value_parser!(u32).range(0..=3600))]
    timeout: u32,
}

impl Run for Wait {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let deadline = Instant::now() + Duration::from_secs(self.timeout.into());
        // Events are followed from before the look, so nothing is missed in between.
        let mut revision = ctx
            .client
            .ask::<PingGet>(&Nothing {}, &Nothing {})?
            .revision;
        let found = reading::container(ctx, self.id)?;
        let part = ContainerPart {
            pool: found.pool,
            name: found.name,
        };
        let mut state = found.state;
        loop {
            if self.states.contains(&state) {
                return print(ctx, state);
            }
            let seen = follow(ctx, &part, &self.states, revision, deadline)?;
            match seen {
                Seen::State(state) => return print(ctx, state),
                Seen::Gap(resumed_at) => {
                    revision = resumed_at.saturating_sub(1);
                    state = ctx.client.ask::<ContainerGet>(&part, &Nothing {})?.state;
                }
                Seen::Nothing => return Err(too_late(ctx, &part, self.timeout)?.into()),
            }
        }
    }
}

/// What ended the reading of events.
enum Seen {
    /// The container came into a state that is waited for.
    State(ContainerState),
    /// Events were lost up to this revision.
    Gap(u64),
    /// The time is over.
    Nothing,
}

fn follow(
    ctx: &mut Ctx,
    part: &ContainerPart,
    states: &[ContainerState],
    since: u64,
    deadline: Instant,
) -> Result<Seen, Fault> {
    let left = deadline.saturating_duration_since(Instant::now());
    let query = EventsQuery {
        since: Some(since),
        limit: None,
        timeout_ms: u32::try_from(left.as_millis()).ok(),
    };
    let mut seen = Seen::Nothing;
    let ended = ctx.client.events::<Stop>(&query, |event| {
        match look(event, part, states)? {
            None => return Ok(()),
            Some(found) => seen = found,
        }
        Err(Stop::Enough)
    });
    match ended {
        Ok(()) | Err(Stop::Enough) => Ok(seen),
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

fn look(
    event: Event,
    part: &ContainerPart,
    states: &[ContainerState],
) -> Result<Option<Seen>, Failure> {
    match event.body {
        EventBody::Container {
            pool, name, state, ..
        } if pool == part.pool && name == part.name && states.contains(&state) => {
            Ok(Some(Seen::State(state)))
        }
        EventBody::Entity {
            entity: EntityRef::Container { pool, name },
            change: EntityChange::Removed,
        } if pool == part.pool && name == part.name => {
            let message = format!("container {pool}:{name} was deleted");
            Err(Failure::new(Code::NotFound, message)
                .about(format_args!("container {pool}:{name}")))
        }
        EventBody::Gap { resumed_at } => Ok(Some(Seen::Gap(resumed_at))),
        _ => Ok(None),
    }
}

fn print(ctx: &mut Ctx, state: ContainerState) -> Outcome {
    if ctx.globals.json {
        return ctx.printer.json(&state);
    }
    ctx.printer.line(state)
}

fn too_late(ctx: &mut Ctx, part: &ContainerPart, seconds: u32) -> Result<Failure, Failure> {
    let ContainerPart { pool, name } = part;
    let state = ctx.client.ask::<ContainerGet>(part, &Nothing {})?.state;
    let message = format!("container {pool}:{name} is {state} after {seconds} s");
    let failure = Failure::new(Code::Deadline, message);
    Ok(failure
        .about(format_args!("container {pool}:{name}"))
        .next(format!("osctl ct show {pool}:{name}")))
}
