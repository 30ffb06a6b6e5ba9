//! `group-new`: a group, on request with those above it.

use os_api::command::GroupNew;
use os_types::{Code, EntityRef, Failure, GroupName, Plan, Presence, Step};

use super::context::{Context, on_pool};
use crate::document::{self, GroupDoc};
use crate::layout;
use crate::state::PoolState;

pub(super) fn plan(body: &GroupNew, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = context.pool(body.pool.as_ref())?;
    let name = &body.name;
    if pool.groups().contains_key(name) {
        return Err(Failure::exists(entity(pool, name)));
    }
    // From the root down.
    let mut above: Vec<GroupName> = ancestors(name).collect();
    above.reverse();
    let mut steps = Vec::new();
    for parent in &above {
        match pool.groups().get(parent) {
            Some(entry) => {
                entry.usable().map_err(Clone::clone)?;
            }
            None if body.parents => steps.extend(create(pool, parent)?),
            None => {
                let (on, group) = (pool.name(), entity(pool, name));
                let text = format!("there is no group {parent} for {group} to be in");
                return Err(Failure::new(Code::NotFound, text)
                    .about(group)
                    .next(format!("osctl group new --parents {on}:{name}")));
            }
        }
    }
    steps.extend(create(pool, name)?);
    let touched = above.iter().chain([name]);
    let touches = touched.map(|name| entity(pool, name));
    Ok(on_pool(pool.name(), steps, touches))
}

fn ancestors(name: &GroupName) -> impl Iterator<Item = GroupName> {
    std::iter::successors(name.parent(), GroupName::parent)
}

fn entity(pool: &PoolState, name: &GroupName) -> EntityRef {
    name.entity(pool.name())
}

/// The directory of `/` is part of the pool's layout.
fn create(pool: &PoolState, name: &GroupName) -> Result<Vec<Step>, Failure> {
    let mut steps = Vec::new();
    if !name.is_root() {
        let folder = layout::group_folder_step(pool.name(), name, Presence::Present)?;
        steps.push(folder);
    }
    let text = document::text(&GroupDoc::default());
    let entity = entity(pool, name);
    steps.push(layout::file_step(pool.name(), &entity, None, Some(text))?);
    Ok(steps)
}
