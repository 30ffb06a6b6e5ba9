//! `container-del`, `-rename`, `-chown` and `-chgrp`: where a container is and whose it is.

use os_api::command::{ContainerChgrp, ContainerChown, ContainerDel, ContainerRename};
use os_types::step::{DatasetNameStep, DirectoryStep, PathNameStep};
use os_types::{
    ContainerName, EntityRef, Failure, Plan, PoolPath, Presence, Step, StopPolicy, UserName,
};

use super::container_run::{run, stopped};
use super::context::{Context, on_pool, rewrite};
use super::user_del;
use crate::document::ContainerDoc;
use crate::layout;
use crate::state::Found;

pub(super) fn del(body: &ContainerDel, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    let (pool, name) = (found.pool.name(), &body.name);
    let mut steps = Vec::new();
    if body.force && context.facts.container_state(pool, name).is_alive() {
        // Killed, not asked: a plan that may give back ids must not take minutes.
        steps.push(run(pool, name, &StopPolicy::kill(), Presence::Absent));
    } else {
        steps.extend(stopped(pool, name, context)?);
    }
    let touches = remove(&found, name, context, &mut steps)?;
    Ok(on_pool(pool, steps, touches))
}

/// The steps that take a stopped container away; what they touch.
pub(super) fn remove(
    found: &Found<'_, ContainerDoc>,
    name: &ContainerName,
    context: &Context<'_>,
    steps: &mut Vec<Step>,
) -> Result<Vec<EntityRef>, Failure> {
    // The file first: without it the container no longer exists and cannot be started.
    steps.push(found.remove()?);
    let root = found.dataset(name)?;
    found.pool.check_apart(&root, name)?;
    let trash = format!("{name}.{}", context.facts.storage.unique);
    if context.facts.storage.datasets.contains(&root) {
        steps.push(Step::DatasetName(DatasetNameStep {
            before: root,
            after: found.pool.dataset().join("trash")?.join(&trash)?,
        }));
    }
    // The next container of that id must not run them.
    let hooks = PoolPath::new(found.pool.name(), layout::hook_folder(name))?;
    steps.push(if context.facts.storage.has_hooks {
        let after = PoolPath::new(found.pool.name(), layout::trash_hook_folder(&trash))?;
        Step::PathName(PathNameStep {
            before: hooks,
            after,
        })
    } else {
        Step::Directory(DirectoryStep {
            path: hooks,
            mode: 0o700,
            to: Presence::Absent,
        })
    });
    let mut touches = vec![found.entity.clone()];
    if let Some(doc) = found.entry.doc() {
        forget_user(found, &doc.user, context, steps, &mut touches)?;
    }
    Ok(touches)
}

/// A user that was made for its container goes with its last one.
fn forget_user(
    found: &Found<'_, ContainerDoc>,
    user: &UserName,
    context: &Context<'_>,
    steps: &mut Vec<Step>,
    touches: &mut Vec<EntityRef>,
) -> Result<(), Failure> {
    let entry = found.pool.users().get(user);
    let Some(doc) = entry.and_then(|entry| entry.doc()) else {
        return Ok(());
    };
    let entity = user.entity(found.pool.name());
    let others = context.state.uses(&entity);
    if doc.standalone || others.iter().any(|other| *other != found.entity) {
        return Ok(());
    }
    let user = context.find(Some(found.pool.name()), user)?;
    user_del::forget(&user, context, steps, touches)
}

pub(super) fn rename(body: &ContainerRename, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    let (pool, name) = (found.pool.name(), &body.name);
    if *name == body.to {
        return Ok(on_pool(pool, Vec::new(), [found.entity.clone()]));
    }
    if found.pool.containers().contains_key(&body.to) {
        return Err(Failure::exists(format!("container {pool}:{}", body.to)));
    }
    let mut steps = stopped(pool, name, context)?;
    let doc = found.usable()?.doc.clone();
    let to = body.to.entity(pool);
    // What needs space comes first: on a full pool it fails before anything has to be put back.
    steps.extend(rewrite(pool, &to, None, &doc)?);
    // Before the file goes, and with it what else is named after the container.
    let mut named: Vec<fn(&ContainerName) -> String> = vec![layout::hook_folder];
    if context.facts.storage.has_log {
        named.push(layout::container_log);
    }
    for path in named {
        steps.push(Step::PathName(PathNameStep {
            before: PoolPath::new(pool, path(name))?,
            after: PoolPath::new(pool, path(&body.to))?,
        }));
    }
    steps.push(found.remove()?);
    if doc.dataset.is_none() {
        let before = found.dataset(name)?;
        let after = layout::container_dataset(found.pool.dataset(), &body.to)?;
        for dataset in [&before, &after] {
            found.pool.check_apart(dataset, name)?;
        }
        steps.push(Step::DatasetName(DatasetNameStep { before, after }));
    }
    Ok(on_pool(pool, steps, [found.entity.clone(), to]))
}

pub(super) fn chown(body: &ContainerChown, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    let pool = found.pool.name();
    let mut steps = stopped(pool, &body.name, context)?;
    let user = context.find(Some(pool), &body.user)?;
    user.usable()?;
    let mut doc = found.usable()?.doc.clone();
    let old = std::mem::replace(&mut doc.user, body.user.clone());
    steps.extend(found.rewrite(&doc)?);
    let mut touches = vec![found.entity.clone(), user.entity];
    if old != body.user {
        forget_user(&found, &old, context, &mut steps, &mut touches)?;
    }
    Ok(on_pool(pool, steps, touches))
}

pub(super) fn chgrp(body: &ContainerChgrp, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    let pool = found.pool.name();
    let mut steps = stopped(pool, &body.name, context)?;
    let group = context.find(Some(pool), &body.group)?;
    group.usable()?;
    let mut doc = found.usable()?.doc.clone();
    doc.group = body.group.clone();
    steps.extend(found.rewrite(&doc)?);
    Ok(on_pool(pool, steps, [found.entity.clone(), group.entity]))
}
