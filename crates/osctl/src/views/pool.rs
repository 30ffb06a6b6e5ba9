//! Columns of pools and of their sources.

use os_api::view::{Attrs, Health, Pool, PoolSource};
use os_types::Failure;

use super::{prlimits, problem, word};
use crate::listing::{Column, Row, text};

impl Row for Pool {
    const COLUMNS: &'static [Column<Self>] = &[
        Column::main("name", |pool| text(&pool.name)),
        Column::main("dataset", |pool| text(&pool.dataset)),
        Column::main("state", |pool| text(word(pool.state))),
        Column::main("users", |pool| pool.users.into()),
        Column::main("groups", |pool| pool.groups.into()),
        Column::main("containers", |pool| pool.containers.into()),
        Column::more("parallel_start", |pool| pool.parallel_start.into()),
        Column::more("parallel_stop", |pool| pool.parallel_stop.into()),
        Column::more("mountpoint", |pool| text(pool.mountpoint.display())),
        Column::more("source", |pool| {
            pool.source.as_ref().map(|path| text(path.display())).into()
        }),
        Column::of(
            "size_bytes",
            Column::more("size", |pool| pool.size_bytes.into()),
        ),
        Column::of(
            "used_bytes",
            Column::more("used", |pool| pool.used_bytes.into()),
        ),
        Column::of(
            "available_bytes",
            Column::more("available", |pool| pool.available_bytes.into()),
        ),
        Column::more("disabled", |pool| pool.disabled.into()),
        Column::more("prlimits", |pool| prlimits(&pool.prlimits)),
        Column::more("health", |pool| text(word(pool.health))),
        Column::of(
            "failure",
            Column::more("problem", |pool| problem(pool.failure.as_ref())),
        ),
    ];

    fn attrs(&self) -> Option<&Attrs> {
        Some(&self.attrs)
    }

    fn failure(&self) -> Option<&Failure> {
        let is_own = self.health != Health::Degraded;
        self.failure.as_ref().filter(|_| is_own)
    }
}

impl Row for PoolSource {
    const COLUMNS: &'static [Column<Self>] = &[
        Column::main("pool", |source| text(&source.pool)),
        Column::main("kind", |source| text(word(source.kind))),
        Column::main("imported", |source| source.imported.into()),
        Column::main("ids", |source| text(ids(&source.ids))),
        Column::main("source", |source| text(source.source.display())),
    ];
}

/// The first of the runs of ids, and how many there are.
fn ids(spans: &[String]) -> String {
    match spans {
        [] => String::new(),
        [first] => first.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}
