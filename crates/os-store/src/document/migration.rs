//! Steps between schemas, each in both directions.

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Table;

/// One step between two schemas of a document, as data.
///
/// The conversions work on tables without the `schema` key. Write them between frozen types,
/// `UserV1` and `UserV2`, with [`convert`]; the living type then converts to and from the last one.
///
/// ```
/// # use os_store::document::{Migration, convert};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct UserV1 { name: String }
/// # #[derive(serde::Serialize, serde::Deserialize)] struct UserV2 { names: Vec<String> }
/// # impl From<UserV1> for UserV2 { fn from(old: UserV1) -> Self { Self { names: vec![old.name] } } }
/// # impl TryFrom<UserV2> for UserV1 {
/// #     type Error = String;
/// #     fn try_from(mut new: UserV2) -> Result<Self, String> {
/// #         match new.names.pop() { Some(name) if new.names.is_empty() => Ok(Self { name }),
/// #             _ => Err("schema 1 holds exactly one name".to_owned()) }
/// #     }
/// # }
/// const MIGRATIONS: &[Migration] = &[Migration {
///     from: 1,
///     to: 2,
///     up: convert::<UserV1, UserV2>,
///     down: convert::<UserV2, UserV1>,
/// }];
/// # assert!(os_store::document::prove_reversible(MIGRATIONS, &[(1, "name = 'a'")]).is_ok());
/// ```
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
    /// A step and its inverse do not restore a sample ([`prove_reversible`]).
    #[error("schema {from} to schema {to} and back does not restore: {sample}")]
    NotReversible {
        /// The schema of the sample.
        from: u32,
        /// The schema it went to and came back from.
        to: u32,
        /// The sample.
        sample: String,
    },
}

/// A [`Conversion`] from one frozen type to another.
pub fn convert<Old, New>(table: Table) -> Result<Table, String>
where
    Old: DeserializeOwned,
    New: TryFrom<Old, Error: ToString> + Serialize,
{
    let old =
        Old::deserialize(table).map_err(|error: toml::de::Error| one_line(error.message()))?;
    let new = New::try_from(old).map_err(|error| error.to_string())?;
    Table::try_from(new).map_err(|error| error.to_string())
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

/// Proves on samples that each step and its inverse are the identity: `down(up(old)) == old` for
/// samples of the older schema, `up(down(new)) == new` for those of the newer.
///
/// For the tests of whoever declares migrations. A sample is its schema and its text without the
/// `schema` line; a step that no sample touches is an error too.
pub fn prove_reversible(
    migrations: &[Migration],
    samples: &[(u32, &str)],
) -> Result<(), MigrationError> {
    for step in migrations {
        let touching = |schema| samples.iter().filter(move |sample| sample.0 == schema);
        if touching(step.from)
            .chain(touching(step.to))
            .next()
            .is_none()
        {
            let (from, to) = (step.from, step.to);
            let reason = "no sample of either schema to prove it on".to_owned();
            return Err(MigrationError::Refused { from, to, reason });
        }
        for (_, sample) in touching(step.from) {
            there_and_back(sample, (step.from, step.to), (step.up, step.down))?;
        }
        for (_, sample) in touching(step.to) {
            there_and_back(sample, (step.to, step.from), (step.down, step.up))?;
        }
    }
    Ok(())
}

fn there_and_back(
    sample: &str,
    (from, to): (u32, u32),
    (there, back): (Conversion, Conversion),
) -> Result<(), MigrationError> {
    let refused = |reason| MigrationError::Refused { from, to, reason };
    let table: Table = toml::from_str(sample).map_err(|error| refused(error.to_string()))?;
    let returned = back(there(table.clone()).map_err(refused)?).map_err(refused)?;
    if returned == table {
        Ok(())
    } else {
        Err(MigrationError::NotReversible {
            from,
            to,
            sample: sample.to_owned(),
        })
    }
}

/// The toml crate puts what it expected on lines of their own.
pub(super) fn one_line(message: &str) -> String {
    message
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(", ")
}
