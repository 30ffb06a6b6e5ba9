//! Columns of users and of their maps.

use os_api::view::{Attrs, User};
use os_types::{Failure, IdMapEntry};
use serde::Serialize;

use super::{problem, word};
use crate::listing::{Column, Row, Value, text};

impl Row for User {
    const COLUMNS: &'static [Column<Self>] = &[
        Column::main("pool", |user| text(&user.pool)),
        Column::main("name", |user| text(&user.name)),
        Column::more("username", |user| text(&user.username)),
        Column::more("groupname", |user| text(&user.groupname)),
        Column::more("ugid", |user| user.ugid.into()),
        Column::more("homedir", |user| text(user.homedir.display())),
        Column::main("registered", |user| user.registered.into()),
        Column::main("standalone", |user| user.standalone.into()),
        Column::more("uid_map", |user| map(&user.uid_map)),
        Column::more("gid_map", |user| map(&user.gid_map)),
        Column::more("health", |user| text(word(user.health))),
        Column::of(
            "failure",
            Column::more("problem", |user| problem(user.failure.as_ref())),
        ),
    ];

    fn attrs(&self) -> Option<&Attrs> {
        Some(&self.attrs)
    }

    fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

pub(super) fn map(entries: &[IdMapEntry]) -> Value {
    Value::List(entries.iter().map(ToString::to_string).collect())
}

/// A line of a user's maps.
#[derive(Debug, Serialize)]
pub(crate) struct MapLine {
    /// `uid` or `gid`.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) ns_id: u32,
    pub(crate) host_id: u32,
    pub(crate) count: u32,
}

impl MapLine {
    pub(crate) fn new(kind: &'static str, entry: IdMapEntry) -> Self {
        Self {
            kind,
            ns_id: entry.ns().first(),
            host_id: entry.host().first(),
            count: entry.host().count(),
        }
    }
}

impl Row for MapLine {
    const COLUMNS: &'static [Column<Self>] = &[
        Column::main("type", |line| text(line.kind)),
        Column::main("ns_id", |line| line.ns_id.into()),
        Column::main("host_id", |line| line.host_id.into()),
        Column::main("count", |line| line.count.into()),
    ];
}
