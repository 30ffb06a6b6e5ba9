//! The columns of each entity: names of the reference, in its order.

pub(crate) mod activity;
mod asset;
mod container;
mod daemon;
mod group;
mod id_range;
mod pool;
pub(crate) mod user;

use os_api::part::{PartEntry, Prlimits};
use os_types::Failure;
use serde::Serialize;

use crate::listing::{Value, text};

/// The word that a closed set has on the wire, e.g. `active`.
pub(crate) fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_unlisted) => String::new(),
    }
}

/// Limits of processes as `name=soft:hard`.
fn prlimits(entries: &[PartEntry<Prlimits>]) -> Value {
    let shown = |entry: &PartEntry<Prlimits>| {
        format!(
            "{}={}:{}",
            entry.key,
            entry.value.soft(),
            entry.value.hard()
        )
    };
    Value::List(entries.iter().map(shown).collect())
}

/// What is wrong with something disabled.
fn problem(failure: Option<&Failure>) -> Value {
    failure.map(|failure| text(&failure.message)).into()
}
