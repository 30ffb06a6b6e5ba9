//! Columns of groups.

use os_api::view::{Attrs, Group};
use os_types::Failure;

use super::{prlimits, problem, word};
use crate::listing::{Column, Row, Value, text};

impl Row for Group {
    const COLUMNS: &'static [Column<Self>] = &[
        Column::main("pool", |group| text(&group.pool)),
        Column::main("name", |group| text(&group.name)),
        Column::more("path", |group| text(&group.path)),
        Column::more("full_path", |group| text(&group.full_path)),
        Column::of(
            "memory_bytes",
            Column::main("memory", |group| {
                group.figures.memory_bytes.map(Value::Bytes).into()
            }),
        ),
        Column::main("cpu_us", |group| {
            group.figures.cpu_us.map(Value::Micros).into()
        }),
        Column::more("cpu_user_us", |group| {
            group.figures.cpu_user_us.map(Value::Micros).into()
        }),
        Column::more("cpu_system_us", |group| {
            group.figures.cpu_system_us.map(Value::Micros).into()
        }),
        Column::more("nproc", |group| group.figures.nproc.into()),
        Column::more("prlimits", |group| prlimits(&group.prlimits)),
        Column::more("health", |group| text(word(group.health))),
        Column::of(
            "failure",
            Column::more("problem", |group| problem(group.failure.as_ref())),
        ),
    ];

    fn attrs(&self) -> Option<&Attrs> {
        Some(&self.attrs)
    }

    fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}
