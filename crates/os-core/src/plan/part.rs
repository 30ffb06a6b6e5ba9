//! Commands about keyed parts, the same for every part and every owner.

use os_api::part::{Keyed, Part, PartOwner, PartSet, PartUnset};
use os_types::{Failure, Plan};

use super::context::Context;
use super::{attr, container_settings, pool_set};
use crate::document::{ContainerDoc, GroupDoc, Holds, PoolDoc};

pub(super) fn set<P: Part>(body: &PartSet<P>, context: &Context<'_>) -> Result<Plan, Failure>
where
    ContainerDoc: Holds<P>,
    GroupDoc: Holds<P>,
    PoolDoc: Holds<P>,
{
    change::<P>(&body.owner, context, |entries| {
        entries.insert(body.key.clone(), body.value.clone());
    })
}

pub(super) fn unset<P: Part>(body: &PartUnset<P>, context: &Context<'_>) -> Result<Plan, Failure>
where
    ContainerDoc: Holds<P>,
    GroupDoc: Holds<P>,
    PoolDoc: Holds<P>,
{
    change::<P>(&body.owner, context, |entries| {
        entries.remove(&body.key);
    })
}

fn change<P: Part>(
    owner: &PartOwner,
    context: &Context<'_>,
    change: impl FnOnce(&mut Keyed<P>),
) -> Result<Plan, Failure>
where
    ContainerDoc: Holds<P>,
    GroupDoc: Holds<P>,
    PoolDoc: Holds<P>,
{
    match owner {
        PartOwner::Pool { pool } => {
            pool_set::change(context.pool(Some(pool))?, |doc| change(doc.entries_mut()))
        }
        PartOwner::Group { pool, name } => {
            let found = context.find(pool.as_ref(), name)?;
            attr::rewrite(&found, |doc: &mut GroupDoc| change(doc.entries_mut()))
        }
        PartOwner::Container { pool, name } => {
            let found = context.find(pool.as_ref(), name)?;
            container_settings::change(&found, |doc| change(doc.entries_mut()))
        }
    }
}
