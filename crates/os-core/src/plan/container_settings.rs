//! `container-set`, `container-unset` and the replacement of the whole file: settings, checked.

use std::path::Path;

use os_api::command::container::{ContainerSetting, ContainerSettings};
use os_api::command::{
    ContainerConfigReload, ContainerConfigReplace, ContainerSet, ContainerUnset,
};
use os_types::step::PoolReloadStep;
use os_types::{Code, Explain, Failure, Plan, Step};

use super::container_run;
use super::context::{Context, on_pool, refuse};
use super::guest;
use crate::document::ContainerDoc;

#[derive(Debug, thiserror::Error)]
enum SettingError {
    #[error("{what} {value:?} is not an absolute path")]
    NotAbsolute { what: &'static str, value: String },
    #[error("the init command has a word that is empty or has control characters")]
    Word,
    #[error("{what} has more than {most}")]
    TooMany {
        what: &'static str,
        most: &'static str,
    },
    #[error("the new configuration cannot be read")]
    Text(#[source] os_store::DocumentError),
    #[error("the dataset of a container cannot be changed by its file")]
    Dataset,
}

impl Explain for SettingError {
    fn code(&self) -> Code {
        match self {
            Self::NotAbsolute { .. } | Self::Word => Code::Name,
            Self::TooMany { .. } | Self::Text(_) | Self::Dataset => Code::Body,
        }
    }
}

/// Refuses settings that no container can have.
pub(super) fn check(settings: &ContainerSettings) -> Result<(), Failure> {
    let absolute = |what, path: &Path| {
        let text = path.to_string_lossy();
        if path.is_absolute() && !text.contains(char::is_control) {
            return Ok(());
        }
        Err(refuse(SettingError::NotAbsolute {
            what,
            value: text.into_owned(),
        }))
    };
    if let Some(profile) = &settings.seccomp_profile {
        absolute("seccomp profile", profile)?;
    }
    if let Some(init) = &settings.init_cmd {
        absolute("init", Path::new(init.first().map_or("", String::as_str)))?;
        if init.len() > 64 {
            return Err(refuse(SettingError::TooMany {
                what: "the init command",
                most: "64 words",
            }));
        }
        let bad = |word: &String| word.is_empty() || word.contains(char::is_control);
        if init.iter().any(bad) {
            return Err(refuse(SettingError::Word));
        }
    }
    let resolvers = settings.dns_resolvers.as_ref();
    if resolvers.is_some_and(|resolvers| resolvers.len() > 16) {
        return Err(refuse(SettingError::TooMany {
            what: "the list of DNS resolvers",
            most: "16 addresses",
        }));
    }
    let raw = settings.raw_lxc.as_ref();
    if raw.is_some_and(|raw| raw.len() > 65_536) {
        return Err(refuse(SettingError::TooMany {
            what: "the raw LXC configuration",
            most: "64 KiB",
        }));
    }
    Ok(())
}

pub(super) fn set(body: &ContainerSet, context: &Context<'_>) -> Result<Plan, Failure> {
    check(&body.settings)?;
    let found = context.container(body.pool.as_ref(), &body.name)?;
    let before = &found.usable()?.doc;
    let mut doc = before.clone();
    doc.set(&body.settings);
    let mut steps = found.rewrite(&doc)?;
    let on = found.pool.name();
    steps.extend(guest::step(on, &body.name, Some(before), &doc));
    Ok(on_pool(on, steps, [found.entity.clone()]))
}

pub(super) fn unset(body: &ContainerUnset, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.container(body.pool.as_ref(), &body.name)?;
    let before = &found.usable()?.doc;
    let mut doc = before.clone();
    match body.setting {
        ContainerSetting::Autostart => doc.autostart = None,
        ContainerSetting::Ephemeral => doc.ephemeral = false,
        ContainerSetting::Hostname => doc.hostname = None,
        ContainerSetting::DnsResolver => doc.dns_resolvers.clear(),
        ContainerSetting::Nesting => doc.nesting = false,
        ContainerSetting::Seccomp => doc.seccomp_profile = None,
        ContainerSetting::InitCmd => doc.init_cmd.clear(),
        ContainerSetting::RawLxc => doc.raw_lxc = None,
    }
    let mut steps = found.rewrite(&doc)?;
    let on = found.pool.name();
    steps.extend(guest::step(on, &body.name, Some(before), &doc));
    Ok(on_pool(on, steps, [found.entity.clone()]))
}

/// The file as a whole; also mends a damaged one.
pub(super) fn replace(
    body: &ContainerConfigReplace,
    context: &Context<'_>,
) -> Result<Plan, Failure> {
    let found = context.container(body.pool.as_ref(), &body.name)?;
    let on = found.pool.name();
    let mut steps = container_run::stopped(on, &body.name, context)?;
    let doc: ContainerDoc =
        os_store::document::parse(&body.text).map_err(|error| refuse(SettingError::Text(error)))?;
    check(&settings_of(&doc))?;
    let before = found.entry.doc();
    if before.is_some_and(|before| before.dataset != doc.dataset) {
        return Err(refuse(SettingError::Dataset));
    }
    let user = context.user(Some(on), &doc.user)?;
    let group = context.group(Some(on), &doc.group)?;
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

fn settings_of(doc: &ContainerDoc) -> ContainerSettings {
    ContainerSettings {
        dns_resolvers: Some(doc.dns_resolvers.clone()),
        seccomp_profile: doc.seccomp_profile.clone(),
        init_cmd: (!doc.init_cmd.is_empty()).then(|| doc.init_cmd.clone()),
        raw_lxc: doc.raw_lxc.clone(),
        ..ContainerSettings::default()
    }
}

/// All files of the pool are read again: a change by hand of one may concern others.
pub(super) fn reload(body: &ContainerConfigReload, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.container(body.pool.as_ref(), &body.name)?;
    let on = found.pool.name();
    let mut steps = container_run::stopped(on, &body.name, context)?;
    let pool = os_types::EntityRef::Pool { pool: on.clone() };
    steps.push(Step::PoolReload(PoolReloadStep { pool: on.clone() }));
    Ok(super::context::running(steps, [pool]))
}
