//! The columns of each entity: names of the reference, in its order.

pub(crate) mod activity;
mod asset;
mod container;
mod group;
mod id_range;
mod pool;
pub(crate) mod user;

use os_api::view::Health;
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

/// `ok` or `disabled`.
fn health(health: &Health) -> Value {
    text(if health.is_ok() { "ok" } else { "disabled" })
}

/// What is wrong with something disabled.
fn problem(health: &Health) -> Value {
    match health {
        Health::Ok => Value::Missing,
        Health::Disabled { failure } => text(&failure.message),
    }
}
