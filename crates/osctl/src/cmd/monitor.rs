//! `osctl monitor`.

use clap::Args;
use jiff::Timestamp;
use os_api::endpoint::EventsQuery;
use os_api::{Event, EventBody};

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::{Fault, Outcome};
use crate::listing::Value;
use crate::listing::value::Style;
use crate::printer::printable;
use crate::views::word;

/// Print what happens, as it happens
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl monitor -j | jq 'select(.type == \"pool\")'")]
pub(crate) struct Monitor {
    /// Go on behind this revision instead of beginning with the next event
    #[arg(long, value_name = "REVISION")]
    since: Option<u64>,
    /// End after so many events
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3600))]
    timeout: Option<u32>,
}

impl Run for Monitor {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let query = EventsQuery {
            since: self.since,
            limit: self.limit,
            timeout_ms: self.timeout.map(|seconds| seconds * 1000),
        };
        let style = ctx.style(false);
        let is_json = ctx.globals.json;
        let printer = &mut ctx.printer;
        ctx.client.events::<Fault>(&query, |event| {
            if is_json {
                printer.json(&event)?;
            } else {
                printer.line(line(&event, &style))?;
            }
            // Whoever reads it through a pipe wants it now.
            printer.flush()
        })
    }
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
        EventBody::Daemon { state } => format!("osctld {}", word(state)),
        EventBody::Gap { resumed_at } => {
            format!("events were lost, going on with revision {resumed_at}")
        }
    };
    format!("{time}  {}", printable(&text))
}
