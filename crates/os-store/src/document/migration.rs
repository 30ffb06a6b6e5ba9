//! Steps between schemas, each in both directions.

use toml::Table;

/// One step between two schemas of a document, as data.
///
/// The conversions work on tables without the `schema` key. Prove in a test that each one takes back
/// what the other does.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The older schema.
    pub from: u32,
    /// The newer schema.
    pub to: u32,
    /// Older to newer.
    pub up: Conversion,
    /// Newer to older; an error where the older schema cannot hold the value.
    pub down: Conversion,
}

/// A conversion of a document's table; the error says in words what stands in the way.
pub type Conversion = fn(Table) -> Result<Table, String>;

/// No way from one schema to another.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MigrationError {
    /// No step leads on from a schema.
    #[error("schema {found} cannot be converted to schema {wanted}: no step from schema {stuck}")]
    NoStep {
        /// The schema to start from.
        found: u32,
        /// The schema to reach.
        wanted: u32,
        /// Where the way ends.
        stuck: u32,
    },
    /// A step refused the value.
    #[error("schema {from} does not convert to schema {to}: {reason}")]
    Refused {
        /// The schema before the step.
        from: u32,
        /// The schema after it.
        to: u32,
        /// What stands in the way.
        reason: String,
    },
}

/// Takes a table through the steps between two schemas, up or down.
pub(super) fn walk(
    migrations: &[Migration],
    mut table: Table,
    found: u32,
    wanted: u32,
) -> Result<Table, MigrationError> {
    let mut at = found;
    while at != wanted {
        let step = if at < wanted {
            migrations
                .iter()
                .find(|step| step.from == at && step.to > at && step.to <= wanted)
        } else {
            migrations
                .iter()
                .find(|step| step.to == at && step.from < at && step.from >= wanted)
        };
        let step = step.ok_or(MigrationError::NoStep {
            found,
            wanted,
            stuck: at,
        })?;
        let (next, conversion) = if at < wanted {
            (step.to, step.up)
        } else {
            (step.from, step.down)
        };
        table = conversion(table).map_err(|reason| MigrationError::Refused {
            from: at,
            to: next,
            reason,
        })?;
        at = next;
    }
    Ok(table)
}

/// The toml crate puts what it expected on lines of their own.
pub(super) fn one_line(message: &str) -> String {
    message
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(", ")
}
