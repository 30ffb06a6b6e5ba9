//! Reading endpoints: views of the present state, one file a kind of entity.

pub(crate) mod asset;
pub(crate) mod container;
pub(crate) mod daemon;
pub(crate) mod group;
pub(crate) mod id_range;
pub(crate) mod operation;
pub(crate) mod pool;
pub(crate) mod user;

use os_types::{Code, EntityRef, Failure};

/// Something was found and could not be shown: the state is not what it says it is.
fn vanished(entity: &EntityRef) -> Failure {
    Failure::new(
        Code::Internal,
        format!("{entity} was found and then was not there"),
    )
}
