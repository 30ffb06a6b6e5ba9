//! A group as the API shows it, and where its control group is.

use os_api::view::{Attrs, Figures, Group, Health};
use os_types::GroupName;

use crate::facts::ViewFacts;
use crate::layout;
use crate::state::{PartOf, PoolState};

/// The group `name` of a pool, without figures; `None` if there is none.
pub fn group(facts: &ViewFacts, pool: &PoolState, name: &GroupName) -> Option<Group> {
    let entry = pool.groups().get(name)?;
    let (doc, failure) = (entry.doc(), entry.failure());
    let below = layout::cgroup(pool.name(), name);
    Some(Group {
        pool: pool.name().clone(),
        name: name.clone(),
        path: below
            .split_once('/')
            .map_or("", |(_, path)| path)
            .to_owned(),
        full_path: format!("{}/{below}", facts.cgroup_parent),
        figures: Figures::default(),
        prlimits: pool.effective(PartOf::Group(name)),
        health: Health::of(failure),
        failure: failure.cloned(),
        attrs: doc.map_or_else(Attrs::new, |doc| doc.attrs.clone()),
    })
}
