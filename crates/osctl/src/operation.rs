//! Sending a command and following it to its end.

mod follow;
mod lost;
mod many;
mod progress;
mod rungs;

pub(crate) use follow::follow;
pub(crate) use many::{run_many, run_many_within};

use std::fmt::{Display, Write};
use std::str::FromStr;
use std::time::Duration;

use os_api::endpoint::{HistoryList, HistoryQuery, Nothing};
use os_api::{Command, Operation, OperationState};
use os_types::{Code, EntityRef, Failure, OpId, Plan};
use tokio::time::Instant;

use crate::context::Ctx;
use crate::fault::{Fault, Outcome};
use crate::printer::Printer;

/// How long a command waits for the end of its operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Until it has ended.
    Forever,
    /// At most for this time; not at all if it is zero.
    Within(Duration),
}

impl Wait {
    /// When it is over.
    fn deadline(self) -> Option<Instant> {
        match self {
            Self::Forever => None,
            Self::Within(time) => Some(Instant::now() + time),
        }
    }

    /// Whether the end is not waited for at all.
    fn is_none(self) -> bool {
        self == Self::Within(Duration::ZERO)
    }

    /// This time in milliseconds, `limit` at most.
    fn at_most(self, limit: u32) -> u32 {
        match self {
            Self::Forever => limit,
            Self::Within(time) => u32::try_from(time.as_millis()).map_or(limit, |ms| ms.min(limit)),
        }
    }
}

impl FromStr for Wait {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text == "infinity" {
            return Ok(Self::Forever);
        }
        let seconds = text.parse::<u32>();
        let within = seconds.map(|seconds| Self::Within(Duration::from_secs(seconds.into())));
        within.map_err(|_no_number| "it is neither a number of seconds nor `infinity`")
    }
}

/// Runs a command to its end; with `--plan` prints what it would do.
pub(crate) fn run(ctx: &mut Ctx, command: impl Into<Command>) -> Outcome {
    run_headed(ctx, &command.into(), None, Wait::Forever)
}

/// Runs a command for each of several things, see [`each`]; the plan of each has a heading then.
pub(crate) fn run_each<T: Display, C: Into<Command>>(
    ctx: &mut Ctx,
    things: Vec<T>,
    command: impl Fn(T) -> C,
) -> Outcome {
    run_each_within(ctx, things, Wait::Forever, command)
}

fn run_each_within<T: Display, C: Into<Command>>(
    ctx: &mut Ctx,
    things: Vec<T>,
    wait: Wait,
    command: impl Fn(T) -> C,
) -> Outcome {
    let is_headed = things.len() > 1;
    each(ctx, things, |ctx, thing| {
        let heading = is_headed.then(|| thing.to_string());
        run_headed(ctx, &command(thing).into(), heading.as_deref(), wait)
    })
}

fn run_headed(ctx: &mut Ctx, command: &Command, heading: Option<&str>, wait: Wait) -> Outcome {
    if ctx.globals.plan {
        return plan(ctx, command, heading);
    }
    let operation = follow::start_and_follow(ctx, command, wait)?;
    conclude(ctx, &operation)
}

/// Does something for each of several things. One that fails does not stop the others; the exit
/// status is that of the first failure.
pub(crate) fn each<T>(
    ctx: &mut Ctx,
    things: impl IntoIterator<Item = T>,
    mut act: impl FnMut(&mut Ctx, T) -> Outcome,
) -> Outcome {
    let mut first = None;
    for thing in things {
        match act(ctx, thing) {
            Ok(()) => {}
            Err(Fault::Failure(failure)) => {
                ctx.printer.failure(&failure);
                if first.is_none() {
                    first = Some(failure.code.exit());
                }
            }
            // Ctrl-C or a closed pipe also ends the remaining targets.
            Err(fault) => return Err(fault),
        }
    }
    first.map_or(Ok(()), |status| Err(Fault::Status(status)))
}

/// What there is to say about an operation at its end.
pub(crate) fn conclude(ctx: &mut Ctx, operation: &Operation) -> Outcome {
    if ctx.globals.json {
        ctx.printer.json(operation)?;
    }
    warn(&mut ctx.printer, operation);
    note_unusual(&mut ctx.printer, operation);
    if operation.state == OperationState::Finished
        && let Some(undone) = &operation.undoes
    {
        let what = command_line_of(ctx, undone);
        let touched = list(&operation.touches);
        ctx.printer.note(format_args!("undone: {what}{touched}"));
    }
    failure_of(operation).map_or(Ok(()), |failure| Err(Fault::Failure(failure)))
}

/// Notes that nothing had to be done, or that the operation still runs because the client does not wait.
fn note_unusual(printer: &mut Printer, operation: &Operation) {
    if !operation.state.is_final() {
        printer.note(format_args!("operation {} goes on", operation.id));
    } else if operation.state == OperationState::Finished && operation.steps.is_empty() {
        printer.note("nothing had to be done");
    }
}

/// What an operation left undone.
fn warn(printer: &mut Printer, operation: &Operation) {
    for warning in &operation.warnings {
        printer.warn(warning);
    }
}

/// Why an operation that has ended did not succeed; none if it did, or has not ended.
fn failure_of(operation: &Operation) -> Option<Failure> {
    if operation.state == OperationState::Finished || !operation.state.is_final() {
        return None;
    }
    let known = operation.failure.clone();
    let mut failure = known.unwrap_or_else(|| match operation.state {
        OperationState::Cancelled => Failure::new(Code::Cancelled, "the operation was cancelled"),
        state => {
            let message = format!("the operation ended as {}", crate::views::word(state));
            Failure::new(Code::Step, message)
        }
    });
    if failure.next.is_none() {
        failure.next = Some(format!("osctl operation show {}", operation.id));
    }
    Some(failure)
}

/// What an operation touched, ` (user tank:alice, ...)`: one command line may have begun many operations.
fn list(touches: &[EntityRef]) -> String {
    const SHOWN: usize = 3;
    let mut names: Vec<_> = touches
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    if touches.len() > SHOWN {
        names.push("...".to_owned());
    }
    if names.is_empty() {
        return String::new();
    }
    format!(" ({})", names.join(", "))
}

/// The failure of a wait for the end of an operation.
fn not_ended(operation: &Operation) -> Failure {
    let on = operation.waits_for.as_deref().unwrap_or("its steps");
    let message = format!(
        "operation {} has not ended; it waits for {on}",
        operation.id
    );
    Failure::new(Code::Deadline, message).next(format!("osctl operation show {}", operation.id))
}

/// The command line of an operation; its id if the command line is unknown.
fn command_line_of(ctx: &mut Ctx, id: &OpId) -> String {
    let query = HistoryQuery {
        pool: None,
        limit: Some(1000),
    };
    let records = ctx
        .client
        .ask::<HistoryList>(&Nothing {}, &query)
        .unwrap_or_default();
    let found = records.into_iter().find(|record| record.id == *id);
    found.map_or_else(|| id.to_string(), |record| record.cli)
}

fn plan(ctx: &mut Ctx, command: &Command, heading: Option<&str>) -> Outcome {
    let plan = ctx.client.plan(command)?;
    if ctx.globals.json {
        return ctx.printer.json(&plan);
    }
    let steps = render(&plan.plan);
    let undoes = plan.undoes.map(|id| {
        let touched = list(&plan.plan.touches);
        format!("undo {id}: {}{touched}", command_line_of(ctx, &id))
    });
    match undoes.as_deref().or(heading) {
        None if steps.is_empty() => ctx.printer.note("there is nothing to do"),
        None => ctx.printer.text(&steps)?,
        Some(heading) => {
            ctx.printer.line(format_args!("{heading}:"))?;
            let nothing = if steps.is_empty() {
                "nothing to do"
            } else {
                ""
            };
            for step in steps.lines().chain(nothing.lines()) {
                ctx.printer.line(format_args!("  {step}"))?;
            }
        }
    }
    Ok(())
}

/// The steps, one a line. A step that cannot be taken back says so.
fn render(plan: &Plan) -> String {
    let mut text = String::new();
    let width = plan.steps.len().to_string().len();
    for (index, step) in plan.steps.iter().enumerate() {
        let number = index + 1;
        let step_text = step.to_string();
        let shown = crate::printer::printable(&step_text);
        let warning = if step.inverse().is_none() {
            "  (cannot be undone)"
        } else {
            ""
        };
        writeln!(text, "{number:>width$}. {shown}{warning}")
            .expect("writing to a string cannot fail");
    }
    text
}
