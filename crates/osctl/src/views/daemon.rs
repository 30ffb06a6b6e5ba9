//! Columns of the daemon's status.

use os_api::view::DaemonStatus;

use super::word;
use crate::listing::{Column, Row, Value, text};

impl Row for DaemonStatus {
    const COLUMNS: &'static [Column<Self>] = &[
        Column::main("phase", |status| text(word(status.phase))),
        Column::main("ready", |status| status.ready.into()),
        Column::main("lifecycle_admission", |status| {
            status.lifecycle_admission.into()
        }),
        Column::main("initialized", |status| status.initialized.into()),
        Column::main("started_at", |status| status.started_at.into()),
        Column::main("failures", |status| Value::List(status.failures.clone())),
        Column::main("orphans", |status| Value::List(status.orphans.clone())),
        Column::main("drain_blockers", |status| {
            Value::List(status.drain_blockers.clone())
        }),
        Column::more("legacy", |status| status.legacy.into()),
        Column::more("schema", |status| status.schema.into()),
    ];
}
