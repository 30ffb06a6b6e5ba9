//! `osctl monitor`.

use clap::Args;
use jiff::Timestamp;
use os_api::endpoint::EventsQuery;
use os_api::view::DaemonState;
use os_api::{Event, EventBody};
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::client::events::Stop;
use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::Value;
use crate::listing::value::Style;
use crate::printer::printable;
use crate::views::word;

/// Print events as they happen
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl monitor -j | jq 'select(.type == \"state\") | .opts'")]
pub(crate) struct Monitor {
    #[command(flatten)]
    args: MonitorArgs,
}

impl Run for Monitor {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        print(ctx, &self.args, None)
    }
}

/// Begin and end of the stream.
#[derive(Debug, Args)]
pub(crate) struct MonitorArgs {
    /// Continue after this revision instead of with the next event
    #[arg(long, value_name = "REVISION")]
    since: Option<u64>,
    /// End after this number of events
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// End after this number of seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3600))]
    timeout: Option<u32>,
}

/// A filter of events.
pub(crate) type Filter<'a> = &'a dyn Fn(&EventBody) -> bool;

/// Prints all events, or those that match a filter.
pub(crate) fn print(ctx: &mut Ctx, args: &MonitorArgs, filter: Option<Filter<'_>>) -> Outcome {
    let query = EventsQuery {
        since: args.since,
        // Filtered events do not count.
        limit: args.limit.filter(|_| filter.is_none()),
        timeout_ms: args.timeout.map(|seconds| seconds * 1000),
    };
    let style = crate::listing::style(ctx, false);
    let is_json = ctx.globals.json;
    let printer = &mut ctx.printer;
    let mut left = args.limit;
    let ended = ctx.client.events::<Stop>(&query, |event| {
        if filter.is_some_and(|is_wanted| !is_wanted(&event.body)) {
            return Ok(());
        }
        if is_json {
            printer.json(&Line::of(&event))?;
        } else {
            printer.line(line(&event, &style))?;
        }
        // Flush each event for readers of a pipe.
        printer.flush()?;
        left = left.map(|left| left - 1);
        if left == Some(0) {
            return Err(Stop::Enough);
        }
        Ok(())
    });
    match ended {
        Ok(()) | Err(Stop::Enough) => Ok(()),
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

/// An event as clients of vpsAdminOS read it: a line of JSON with `type` and `opts`.
///
/// What they know has their names; other events have the type and the members that the API gives them.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    opts: Json,
    revision: u64,
    time: Timestamp,
}

impl Line {
    fn of(event: &Event) -> Self {
        let (kind, opts) = match &event.body {
            EventBody::Container {
                pool,
                name,
                state,
                init_pid,
            } => (
                "state".to_owned(),
                json!({ "pool": pool, "id": name, "state": state, "init_pid": init_pid }),
            ),
            EventBody::ContainerExit { pool, name, exit } => (
                "ct_exit".to_owned(),
                json!({ "pool": pool, "id": name, "exit_type": exit }),
            ),
            EventBody::Daemon {
                state: DaemonState::Stopping,
            } => ("osctld_shutdown".to_owned(), json!({})),
            body => other(body),
        };
        Self {
            kind,
            opts,
            revision: event.revision,
            time: event.time,
        }
    }
}

/// The type that the API gives an event, and its other members.
fn other(body: &EventBody) -> (String, Json) {
    let mut opts = serde_json::to_value(body).unwrap_or_default();
    let kind = opts.as_object_mut().and_then(|opts| opts.remove("type"));
    let kind = kind.as_ref().and_then(Json::as_str).unwrap_or_default();
    (kind.to_owned(), opts)
}

/// An event as a line for people.
fn line(event: &Event, style: &Style) -> String {
    let time = Value::from(event.time as Timestamp).render(style);
    let text = match &event.body {
        EventBody::Operation {
            id,
            command,
            state,
            failure,
            ..
        } => {
            let why = failure
                .as_ref()
                .map(|failure| format!(": {failure}"))
                .unwrap_or_default();
            format!("operation {id} {command} {}{why}", word(state))
        }
        EventBody::Progress {
            id,
            done,
            total,
            text,
            ..
        } => format!("operation {id} [{done}/{total}] {text}"),
        EventBody::Entity { entity, change } => format!("{entity} {}", word(change)),
        EventBody::Pool { pool, state } => format!("pool {pool} {}", word(state)),
        EventBody::Container {
            pool,
            name,
            state,
            init_pid,
        } => {
            let init = init_pid.map_or_else(String::new, |pid| format!(", init {pid}"));
            format!("container {pool}:{name} {state}{init}")
        }
        EventBody::ContainerExit { pool, name, exit } => {
            format!("container {pool}:{name} has ended ({})", word(exit))
        }
        EventBody::Daemon { state } => format!("osctld {}", word(state)),
        EventBody::Gap { resumed_at } => {
            format!("events were lost, going on with revision {resumed_at}")
        }
    };
    format!("{time}  {}", printable(&text))
}
