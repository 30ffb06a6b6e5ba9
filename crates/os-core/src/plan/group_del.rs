//! `group-del`: a group that nothing is in.

use os_api::command::GroupDel;
use os_types::{Code, EntityRef, Failure, Plan, Presence};

use super::context::{Context, on_pool, unused};
use crate::layout;

pub(super) fn plan(body: &GroupDel, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    if matches!(body.name.as_str(), "/" | "/default") {
        let text = "every pool has the groups / and /default";
        return Err(Failure::new(Code::InUse, text).about(found.entity));
    }
    unused(&found.entity, context.state)?;
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
