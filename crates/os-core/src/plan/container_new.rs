//! `container-new`: a root, a configuration file, and a dedicated user unless one is named.

use os_api::command::ContainerNew;
use os_api::command::container::{ContainerSettings, RootSource};
use os_api::part::{Keyed, Prlimits};
use os_types::step::{CloneStep, DatasetStep, DirectoryStep, ImageStep};
use os_types::{
    Code, ContainerName, DatasetName, EntityRef, Failure, GroupName, InitCmd, Plan, PoolPath,
    Presence, Step, UserName,
};

use super::context::{Context, on_pool, rewrite};
use super::{container_settings, user_ids, user_new};
use crate::document::ContainerDoc;
use crate::facts::ImageFact;
use crate::layout;
use crate::state::PoolState;

/// The user of a new container, and what makes it if it has to be made.
struct Owner {
    user: UserName,
    steps: Vec<Step>,
    touches: Vec<EntityRef>,
    maps: (os_types::IdMap, os_types::IdMap),
}

pub(super) fn plan(body: &ContainerNew, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = context.pool(body.pool.as_ref())?;
    let (name, on) = (&body.name, pool.name());
    if pool.containers().contains_key(name) {
        return Err(Failure::exists(format!("container {on}:{name}"))
            .next(format!("osctl ct show {on}:{name}")));
    }
    let group = body.group.clone().unwrap_or_else(default_group);
    let found = context.find(Some(on), &group)?;
    found.usable()?;
    let owner = owner(body, pool, context)?;
    let default = layout::container_dataset(pool.dataset(), name)?;
    let dataset = body.dataset.clone().unwrap_or_else(|| default.clone());
    check_dataset(&dataset, pool, context)?;
    pool.check_apart(&dataset, name)?;

    container_settings::check_new(body.settings.raw_lxc.as_ref())?;
    let mut doc = document(body, owner.user.clone(), group, context)?;
    doc.dataset = (dataset != default).then(|| dataset.clone());
    doc.settings.merge(&body.settings);
    let entity = name.entity(on);
    let mut touches = owner.touches.clone();
    touches.extend([found.entity, entity.clone()]);
    // The configuration last: without it the container does not exist yet.
    let mut steps = owner.steps.clone();
    steps.extend(root(&dataset, pool, &owner, context, &mut touches)?);
    steps.push(Step::Directory(DirectoryStep {
        path: PoolPath::new(on, layout::hook_folder(name))?,
        mode: 0o700,
        to: Presence::Present,
    }));
    steps.extend(rewrite(on, &entity, None, &doc)?);
    Ok(on_pool(on, steps, touches))
}

fn default_group() -> GroupName {
    "/default".parse().expect("/default is a group name")
}

/// The user that is named, or a new one that is named after the container.
fn owner(body: &ContainerNew, pool: &PoolState, context: &Context<'_>) -> Result<Owner, Failure> {
    let on = pool.name();
    if let Some(user) = &body.user {
        let found = context.find(Some(on), user)?;
        let doc = &found.usable()?.doc;
        if let Some(failure) = context.state.failure(on, user) {
            return Err(failure.clone());
        }
        return Ok(Owner {
            user: user.clone(),
            steps: Vec::new(),
            touches: vec![found.entity.clone()],
            maps: (doc.uid_map.clone(), doc.gid_map().clone()),
        });
    }
    let user = dedicated_user(&body.name, pool)?;
    user_new::check_name(&user, pool, context)?;
    let mut ids = user_ids::first_free(&user, pool, context)?;
    ids.doc.standalone = false;
    let maps = (ids.doc.uid_map.clone(), ids.doc.gid_map().clone());
    let (steps, touches) = user_new::make(&user, ids, pool)?;
    Ok(Owner {
        user,
        steps,
        touches,
        maps,
    })
}

/// A name for the user of a container: its id in lower case, or if the pool has such a user, the id
/// and the first number from 2 on that makes it another one.
fn dedicated_user(container: &ContainerName, pool: &PoolState) -> Result<UserName, Failure> {
    let id = container.as_str().to_lowercase();
    let mut user: UserName = id.parse()?;
    let mut number = 1_u32;
    while pool.users().contains_key(&user) {
        number += 1;
        let suffix = format!("-{number}");
        let cut: String = id.chars().take(UserName::MAX - suffix.len()).collect();
        user = format!("{cut}{suffix}").parse()?;
    }
    Ok(user)
}

fn check_dataset(
    dataset: &DatasetName,
    pool: &PoolState,
    context: &Context<'_>,
) -> Result<(), Failure> {
    if !dataset.is_below(pool.dataset()) {
        let below = pool.dataset();
        let text = format!("dataset {dataset} is not below {below}");
        return Err(Failure::new(Code::Name, text).about(format!("dataset {dataset}")));
    }
    if context.facts.storage.datasets.contains(dataset) {
        return Err(Failure::exists(format!("dataset {dataset}")));
    }
    // What is in the trash, for example, is destroyed.
    for own in layout::DATASETS.iter().filter(|own| **own != "ct") {
        let own = pool.dataset().join(own)?;
        if *dataset == own || dataset.is_below(&own) {
            let text = format!("dataset {dataset} would be one of the pool's own, in {own}");
            return Err(Failure::new(Code::Name, text).about(format!("dataset {dataset}")));
        }
    }
    Ok(())
}

/// The image that was asked for; none for an empty root.
fn image<'a>(context: &Context<'a>) -> Result<Option<&'a ImageFact>, Failure> {
    let storage = &context.facts.storage;
    let Some(image) = &storage.image else {
        return Ok(None);
    };
    let image = image.as_ref().map_err(Clone::clone)?;
    match &storage.arch {
        Some(host) if *host != image.info.arch => {
            let text = format!("the image is for {}, this host is {host}", image.info.arch);
            Err(Failure::new(Code::Image, text))
        }
        _ => Ok(Some(image)),
    }
}

fn document(
    body: &ContainerNew,
    user: UserName,
    group: GroupName,
    context: &Context<'_>,
) -> Result<ContainerDoc, Failure> {
    let (image, distribution, version, arch) = match (&body.root, image(context)?) {
        (
            RootSource::Empty {
                distribution,
                version,
                arch,
                ..
            },
            _,
        ) => (None, distribution, version, arch),
        (_, Some(ImageFact { info, .. })) => {
            (Some(info), &info.distribution, &info.version, &info.arch)
        }
        (_, None) => {
            let text = "the image was not looked up";
            return Err(Failure::new(Code::Internal, text));
        }
    };
    let (vendor, variant) = match &body.root {
        RootSource::Empty {
            vendor, variant, ..
        } => (vendor.clone(), variant.clone()),
        _ => image
            .map(|info| (info.vendor.clone(), info.variant.clone()))
            .unzip(),
    };
    let init_cmd = image.map_or(Ok(None), |info| init_of(&info.config.init_cmd))?;
    Ok(ContainerDoc {
        user,
        group,
        dataset: None,
        image: image.map(|info| info.digest.clone()),
        distribution: distribution.clone(),
        version: version.clone(),
        arch: arch.clone(),
        vendor,
        variant,
        settings: ContainerSettings {
            init_cmd,
            ..ContainerSettings::default()
        },
        prlimits: Keyed::<Prlimits>::new(),
        attrs: os_api::view::Attrs::new(),
    })
}

/// The init that an image proposes, if any.
fn init_of(words: &[String]) -> Result<Option<InitCmd>, Failure> {
    if words.is_empty() {
        return Ok(None);
    }
    let init = InitCmd::try_from(words.to_owned());
    let refuse = |error: os_types::NameError| {
        Failure::new(Code::Image, format!("the image proposes an init: {error}"))
    };
    init.map(Some).map_err(refuse)
}

/// The steps that make the root: a clone of the image, which is unpacked first if the pool does not
/// have it; or an empty directory.
fn root(
    dataset: &DatasetName,
    pool: &PoolState,
    owner: &Owner,
    context: &Context<'_>,
    touches: &mut Vec<EntityRef>,
) -> Result<Vec<Step>, Failure> {
    let on = pool.name();
    let Some(ImageFact { file, info }) = image(context)? else {
        let below = dataset.as_str().strip_prefix(pool.dataset().as_str());
        let below = below.unwrap_or_default().trim_start_matches('/');
        return Ok(vec![
            Step::Dataset(DatasetStep {
                dataset: dataset.clone(),
                to: Presence::Present,
            }),
            Step::Directory(DirectoryStep {
                path: PoolPath::new(on, format!("{below}/{}", layout::PRIVATE))?,
                mode: 0o755,
                to: Presence::Present,
            }),
        ]);
    };
    let mut steps = Vec::new();
    let (uid_map, gid_map) = owner.maps.clone();
    if !context.facts.storage.cached.contains_key(&info.digest) {
        // Only who unpacks it has to be alone with it.
        touches.push(EntityRef::Image {
            pool: on.clone(),
            digest: info.digest.clone(),
        });
        steps.push(Step::Image(ImageStep {
            pool: on.clone(),
            digest: info.digest.clone(),
            file: file.clone(),
            uid_map,
            gid_map,
            to: Presence::Present,
        }));
    }
    let image = layout::image_dataset(pool.dataset(), &info.digest)?;
    steps.push(Step::Clone(CloneStep {
        origin: layout::image_snapshot(&image)?,
        dataset: dataset.clone(),
        to: Presence::Present,
    }));
    Ok(steps)
}
