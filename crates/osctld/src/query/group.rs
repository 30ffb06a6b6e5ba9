//! Groups, with the figures of their control groups.

use std::collections::BTreeMap;

use os_api::endpoint::{GroupPart, NamePart, Nothing, OnPool};
use os_api::view::Group;
use os_cgroup::{CgroupPath, OpenFiles, Presence};
use os_core::{layout, view};
use os_types::{Failure, GroupName, PoolName};

use crate::app::App;

pub(crate) fn list(app: &App, _: &Nothing, query: &OnPool) -> Result<Vec<Group>, Failure> {
    let host = app.host();
    let mut groups = view::groups(&host.state(), &host.view_facts(), query.pool.as_ref())?;
    // A pool without running containers has no control group, so none of its groups has figures.
    let mut pools = BTreeMap::new();
    for group in &mut groups {
        let here = pools
            .entry(group.pool.clone())
            .or_insert_with(|| has_cgroup(app, &group.pool));
        if *here {
            add_figures(app, group);
        }
    }
    Ok(groups)
}

pub(crate) fn get(app: &App, part: &GroupPart, _: &Nothing) -> Result<Group, Failure> {
    view_of(app, Some(&part.pool), &part.name)
}

pub(crate) fn find(app: &App, part: &NamePart<GroupName>, _: &Nothing) -> Result<Group, Failure> {
    view_of(app, None, &part.name)
}

/// The group on `pool`, or on the first pool that has one of this name.
fn view_of(app: &App, pool: Option<&PoolName>, name: &GroupName) -> Result<Group, Failure> {
    let (state, facts) = (app.host().state(), app.host().view_facts());
    let group = state.find(pool, name)?;
    let view = view::group(&facts, group.pool, name);
    let mut view = view.ok_or_else(|| super::vanished(&group.entity))?;
    add_figures(app, &mut view);
    Ok(view)
}

fn has_cgroup(app: &App, pool: &PoolName) -> bool {
    let path = layout::cgroup(pool, &GroupName::root()).parse::<CgroupPath>();
    path.is_ok_and(|path| app.host().cgroups().presence(&path) != Presence::Absent)
}

fn add_figures(app: &App, group: &mut Group) {
    if let Ok(path) = layout::cgroup(&group.pool, &group.name).parse() {
        group.figures = super::figures(app, &path, &OpenFiles::default());
    }
}
