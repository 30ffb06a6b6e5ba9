//! Commands about keyed parts, the same for every part and every owner.

use os_api::command::PrlimitSet;
use os_api::part::{Keyed, Part, PartOwner, PartSet, PartUnset};
use os_types::{Code, Failure, LimitValue, Plan};

use super::context::Context;
use super::{attr, container_settings, pool_set};
use crate::document::{ContainerDoc, GroupDoc, Holds, PoolDoc};

/// Sets a limit of processes, unless a start could not set it.
pub(super) fn set_prlimit(body: &PrlimitSet, context: &Context<'_>) -> Result<Plan, Failure> {
    let (key, soft, hard) = (body.key, body.value.soft(), body.value.hard());
    match context.facts.highest_limit {
        Some(highest) if hard > LimitValue::Limited(highest) => {
            let text = format!(
                "cannot limit {key} to {soft}:{hard}: the hard limits that osctld can set on this \
                 host end at {highest}"
            );
            Err(Failure::new(Code::Name, text))
        }
        _ => set(body, context),
    }
}

fn set<P: Part>(body: &PartSet<P>, context: &Context<'_>) -> Result<Plan, Failure>
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

#[cfg(test)]
mod tests {
    use os_types::{Prlimit, PrlimitName};

    use super::*;
    use crate::testing::{facts, pool};
    use crate::{Facts, State, plan};

    #[test]
    fn limits_that_no_start_could_set_are_refused() {
        let mut state = State::default();
        state.insert(pool("tank"));
        let facts = Facts {
            highest_limit: Some(4096),
            ..facts()
        };
        let set = |hard: &str| {
            let command = PrlimitSet {
                owner: PartOwner::Pool {
                    pool: "tank".parse().unwrap(),
                },
                key: PrlimitName::Nofile,
                value: Prlimit::new(LimitValue::Limited(1024), hard.parse().unwrap()).unwrap(),
            };
            plan(&command.into(), &state, &facts)
        };
        set("4096").unwrap();
        for hard in ["4097", "unlimited"] {
            let refused = set(hard).unwrap_err().to_string();
            let both = format!("1024:{hard}");
            assert!(
                refused.contains(&both) && refused.contains("4096"),
                "{refused}"
            );
        }
    }
}
