//! `group-del`: a group that nothing is in.

use os_api::command::GroupDel;
use os_types::{Code, EntityRef, Explain, Failure, Plan, Presence};

use super::context::{Context, on_pool, refuse};
use crate::layout;

#[derive(Debug, thiserror::Error)]
enum GroupDelError {
    #[error("every pool has the groups / and /default")]
    Needed(EntityRef),
    #[error("{group} is in use by {user}")]
    InUse { group: EntityRef, user: EntityRef },
}

impl Explain for GroupDelError {
    fn code(&self) -> Code {
        Code::InUse
    }

    fn object(&self) -> Option<String> {
        match self {
            Self::Needed(group) | Self::InUse { group, .. } => Some(group.to_string()),
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::InUse {
                user: EntityRef::Group { pool, name },
                ..
            } => Some(format!("osctl group del {pool}:{name}")),
            _ => None,
        }
    }
}

pub(super) fn plan(body: &GroupDel, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.group(body.pool.as_ref(), &body.name)?;
    if matches!(body.name.as_str(), "/" | "/default") {
        return Err(refuse(GroupDelError::Needed(found.entity)));
    }
    if let Some(user) = context.state.uses(&found.entity).into_iter().next() {
        return Err(refuse(GroupDelError::InUse {
            group: found.entity,
            user,
        }));
    }
    let pool = found.pool.name();
    let steps = vec![
        found.remove()?,
        layout::group_folder_step(pool, &body.name, Presence::Absent)?,
    ];
    let parent = body.name.parent().map(|name| EntityRef::Group {
        pool: pool.clone(),
        name,
    });
    Ok(on_pool(
        pool,
        steps,
        parent.into_iter().chain([found.entity.clone()]),
    ))
}
