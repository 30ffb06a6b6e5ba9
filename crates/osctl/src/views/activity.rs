//! Columns of what goes on: operations, queues, history.

use os_api::{HistoryRecord, Operation, Queue, StepState};
use os_types::{EntityRef, Failure};

use super::word;
use crate::listing::{Column, Row, Value, text};

impl Row for Operation {
    const COLUMNS: &'static [Column<Self>] = &[
        Column::main("id", |operation| text(&operation.id)),
        Column::more("command", |operation| text(&operation.command)),
        Column::main("state", |operation| text(word(operation.state))),
        Column::main("progress", progress),
        Column::cut(Column::main("cli", |operation| {
            command_line(&operation.cli, &operation.command)
        })),
        Column::cut(Column::main("waits_for", |operation| {
            operation.waits_for.as_ref().map(text).into()
        })),
        Column::cut(Column::more("touches", |operation| {
            touches(&operation.touches)
        })),
        Column::more("created", |operation| operation.created.into()),
        Column::more("started", |operation| operation.started.into()),
        Column::more("ended", |operation| operation.ended.into()),
        Column::more("uid", |operation| operation.uid.into()),
        Column::more("pid", |operation| text(operation.pid)),
        Column::cut(Column::more("failure", |operation| {
            failure(operation.failure.as_ref())
        })),
        Column::cut(Column::more("warnings", |operation| {
            Value::List(operation.warnings.clone())
        })),
        Column::more("undoes", |operation| {
            operation.undoes.as_ref().map(text).into()
        }),
        Column::more("recovered", |operation| operation.recovered.into()),
    ];
}

/// The command line as it was given; what came over the API without one has its name.
fn command_line(cli: &str, command: &str) -> Value {
    text(if cli.is_empty() { command } else { cli })
}

/// Steps that need nothing more, of all.
fn progress(operation: &Operation) -> Value {
    let ended = operation
        .steps
        .iter()
        .filter(|step| !matches!(step.state, StepState::Pending | StepState::Running));
    match operation.steps.len() {
        0 => Value::Missing,
        total => text(format_args!("{}/{total}", ended.count())),
    }
}

fn touches(entities: &[EntityRef]) -> Value {
    Value::List(entities.iter().map(ToString::to_string).collect())
}

fn failure(failure: Option<&Failure>) -> Value {
    let shown = failure.map(|failure| text(format_args!("{failure} ({})", failure.code)));
    shown.into()
}

impl Row for Queue {
    const COLUMNS: &'static [Column<Self>] = &[
        Column::main("entity", |queue| text(&queue.entity)),
        Column::main("holders", |queue| {
            let holders = queue.holders.iter();
            Value::List(holders.map(|holder| holder.operation.to_string()).collect())
        }),
        // Of the one that has had it longest.
        Column::main("since", |queue| {
            let first = queue.holders.first();
            first.map(|holder| holder.since).into()
        }),
        Column::main("shared", |queue| queue.shared.into()),
        Column::main("waiting", |queue| {
            Value::List(queue.waiting.iter().map(ToString::to_string).collect())
        }),
    ];
}

impl Row for HistoryRecord {
    const COLUMNS: &'static [Column<Self>] = &[
        Column::main("time", |record| record.time.into()),
        Column::main("pool", |record| record.pool.as_ref().map(text).into()),
        Column::more("id", |record| text(&record.id)),
        Column::main("state", |record| text(word(record.state))),
        Column::cut(Column::derived(Column::main("command", |record| {
            command_line(&record.cli, &record.command)
        }))),
        Column::more("uid", |record| record.uid.into()),
        Column::more("pid", |record| text(record.pid)),
        Column::cut(Column::more("failure", |record| {
            failure(record.failure.as_ref())
        })),
        Column::more("undoes", |record| record.undoes.as_ref().map(text).into()),
        Column::more("undoable", |record| record.undoable.into()),
        Column::more("recovered", |record| record.recovered.into()),
    ];
}
