//! The step that tells a guest what is new about itself.

use os_types::step::GuestStep;
use os_types::{ContainerName, PoolName, Step};

use crate::document::ContainerDoc;

/// The step after a change of a container's file; none if its guest has nothing to learn.
///
/// After the file: a crash between the two leaves a guest with its old name, which the next start
/// repairs, and not one with an unknown name.
pub(super) fn step(
    pool: &PoolName,
    name: &ContainerName,
    before: Option<&ContainerDoc>,
    after: &ContainerDoc,
) -> Option<Step> {
    let before = before.map(|doc| doc.settings.guest()).unwrap_or_default();
    let after = after.settings.guest();
    (before != after).then(|| {
        Step::Guest(GuestStep {
            pool: pool.clone(),
            container: name.clone(),
            before,
            after,
        })
    })
}
