//! `container-set`, `container-unset` and the replacement of the whole file: settings, checked.

use os_api::command::{
    ContainerConfigReload, ContainerConfigReplace, ContainerSet, ContainerUnset,
};
use os_types::step::PoolReloadStep;
use os_types::{Code, Failure, Plan, RawLxc, Step};

use super::container_run;
use super::context::{Context, on_pool};
use super::guest;
use crate::document::ContainerDoc;
use crate::state::Found;

pub(super) fn set(body: &ContainerSet, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    check_new(body.settings.raw_lxc.as_ref())?;
    change(&found, |doc| {
        doc.settings.merge(&body.settings);
        replace_with(&mut doc.distribution, body.distribution.as_ref());
        replace_with(&mut doc.version, body.version.as_ref());
        replace_with(&mut doc.arch, body.arch.as_ref());
        if body.distribution.is_some() {
            // Of another distribution they are others, or unknown.
            doc.vendor.clone_from(&body.vendor);
            doc.variant.clone_from(&body.variant);
        }
    })
}

pub(super) fn unset(body: &ContainerUnset, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    change(&found, |doc| doc.settings.unset(body.setting))
}

/// Lines of LXC that a command brings. Those of files are kept.
pub(super) fn check_new(raw: Option<&RawLxc>) -> Result<(), Failure> {
    Ok(raw.map_or(Ok(()), RawLxc::check)?)
}

fn replace_with<T: Clone>(place: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        place.clone_from(value);
    }
}

/// The plan that changes the document of a container and tells its guest.
pub(super) fn change(
    found: &Found<'_, ContainerDoc>,
    change: impl FnOnce(&mut ContainerDoc),
) -> Result<Plan, Failure> {
    let before = &found.usable()?.doc;
    let mut doc = before.clone();
    change(&mut doc);
    let mut steps = found.rewrite(&doc)?;
    let pool = found.pool.name();
    if let os_types::EntityRef::Container { name, .. } = &found.entity {
        steps.extend(guest::step(pool, name, Some(before), &doc));
    }
    Ok(on_pool(pool, steps, [found.entity.clone()]))
}

/// The file as a whole; also repairs a damaged one.
pub(super) fn replace(
    body: &ContainerConfigReplace,
    context: &Context<'_>,
) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    found.not_newer()?;
    let on = found.pool.name();
    let mut steps = container_run::stopped(on, &body.name, context)?;
    let doc: ContainerDoc = os_store::document::parse(&body.text).map_err(|error| {
        let reason = os_types::chain(&error);
        let text = format!("the new configuration cannot be read: {reason}");
        Failure::new(Code::Body, text)
    })?;
    let before = found.entry.doc();
    if before.is_some_and(|before| before.dataset != doc.dataset) {
        let text = "the dataset of a container cannot be changed by its file";
        return Err(Failure::new(Code::Body, text));
    }
    let raw = doc.settings.raw_lxc.as_ref();
    if before.and_then(|before| before.settings.raw_lxc.as_ref()) != raw {
        check_new(raw)?;
    }
    let user = context.find(Some(on), &doc.user)?;
    let group = context.find(Some(on), &doc.group)?;
    let touches = [found.entity.clone(), user.entity, group.entity];
    let Some(text) = found.entry.text() else {
        // `remove` says why it cannot be put back.
        return Err(found.remove().err().unwrap_or_else(|| {
            container_run::is(
                &format!("{on}:{}", body.name),
                os_types::ContainerState::Running,
                "stop",
            )
        }));
    };
    if text != body.text {
        let after = Some(body.text.clone());
        steps.push(crate::layout::file_step(
            on,
            &found.entity,
            Some(text),
            after,
        )?);
        steps.extend(guest::step(on, &body.name, before, &doc));
    }
    Ok(on_pool(on, steps, touches))
}

/// All files of the pool are read again: a change by hand of one may concern others.
pub(super) fn reload(body: &ContainerConfigReload, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    let on = found.pool.name();
    let mut steps = container_run::stopped(on, &body.name, context)?;
    let pool = os_types::EntityRef::Pool { pool: on.clone() };
    steps.push(Step::PoolReload(PoolReloadStep { pool: on.clone() }));
    Ok(super::context::running(steps, [pool]))
}
