//! `group-new`: a group, on request with those above it.

use os_api::command::GroupNew;
use os_types::{Code, EntityRef, Explain, Failure, GroupName, Plan, PoolName, Presence, Step};

use super::context::{Context, on_pool, refuse};
use crate::document::{self, GroupDoc};
use crate::layout;
use crate::state::PoolState;

#[derive(Debug, thiserror::Error)]
enum GroupNewError {
    #[error("{0} exists already")]
    Exists(EntityRef),
    #[error("there is no group {parent} for {group} to be in")]
    NoParent {
        group: EntityRef,
        pool: PoolName,
        name: GroupName,
        parent: GroupName,
    },
}

impl Explain for GroupNewError {
    fn code(&self) -> Code {
        match self {
            Self::Exists(_) => Code::Exists,
            Self::NoParent { .. } => Code::NotFound,
        }
    }

    fn object(&self) -> Option<String> {
        match self {
            Self::Exists(group) | Self::NoParent { group, .. } => Some(group.to_string()),
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Exists(_) => None,
            Self::NoParent { pool, name, .. } => {
                Some(format!("osctl group new --parents {pool}:{name}"))
            }
        }
    }
}

pub(super) fn plan(body: &GroupNew, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = context.pool(body.pool.as_ref())?;
    let name = &body.name;
    if pool.groups().contains_key(name) {
        return Err(refuse(GroupNewError::Exists(entity(pool, name))));
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
                return Err(refuse(GroupNewError::NoParent {
                    group: entity(pool, name),
                    pool: pool.name().clone(),
                    name: name.clone(),
                    parent: parent.clone(),
                }));
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
    EntityRef::Group {
        pool: pool.name().clone(),
        name: name.clone(),
    }
}

/// The folder of `/` is part of the pool's layout.
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
