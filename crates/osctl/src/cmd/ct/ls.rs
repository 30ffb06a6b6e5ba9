//! `osctl ct ls`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::view::Container;
use os_types::image::{DistVersion, Distribution};
use os_types::{ContainerName, ContainerState, GroupName, UserName};

use crate::cmd::entity::Names;
use crate::cmd::{Run, one_of};
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ListArgs};
use crate::reading;
use crate::target::Ref;

/// List containers
///
/// Each filter takes several values, parted by commas; containers that fit one of them are listed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  osctl ct ls -S running -s memory\n  \
    osctl ct ls -d debian -o +hostname,nproc\n  osctl ct ls -H -o id")]
pub(crate) struct Ls {
    #[command(flatten)]
    ids: Names<Ref<ContainerName>>,
    /// Only of these users
    #[arg(short, long, value_name = "USERS", value_delimiter = ',', add = ArgValueCompleter::new(complete::users))]
    user: Vec<UserName>,
    /// Only of these groups
    #[arg(short, long, value_name = "GROUPS", value_delimiter = ',', add = ArgValueCompleter::new(complete::groups))]
    group: Vec<GroupName>,
    /// Only in these states: stopped, starting, running, freezing, frozen, stopping
    #[arg(short = 'S', long, value_name = "STATES", value_delimiter = ',', value_parser = one_of(&ContainerState::ALL, ContainerState::as_str),
        hide_possible_values = true)]
    state: Vec<ContainerState>,
    /// Only those that are deleted when they stop
    #[arg(short, long, conflicts_with = "persistent")]
    ephemeral: bool,
    /// Only those that stay when they stop
    #[arg(long)]
    persistent: bool,
    /// Only of these distributions
    #[arg(short, long, value_name = "NAMES", value_delimiter = ',')]
    distribution: Vec<Distribution>,
    /// Only of these versions
    #[arg(short, long, value_name = "VERSIONS", value_delimiter = ',')]
    version: Vec<DistVersion>,
    #[command(flatten)]
    list: ListArgs,
}

impl Run for Ls {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::list(ctx, &self.list, |ctx| {
            let list = &self.list;
            let details = list.needs::<Container>(ctx.globals.json, &Container::DETAILS);
            let mut containers = reading::containers_with(ctx, details)?;
            containers.retain(|container| self.fits(container));
            Ok(containers)
        })
    }
}

impl Ls {
    fn fits(&self, container: &Container) -> bool {
        let persistence = match (self.ephemeral, self.persistent) {
            (true, _) => container.settings.ephemeral == Some(true),
            (_, true) => container.settings.ephemeral != Some(true),
            _ => true,
        };
        persistence
            && self.ids.fit(container)
            && is_among(container.user.as_ref(), &self.user)
            && is_among(container.group.as_ref(), &self.group)
            && is_among(Some(&container.state), &self.state)
            && is_among(container.distribution.as_ref(), &self.distribution)
            && is_among(container.version.as_ref(), &self.version)
    }
}

/// Whether a filter lets a value through; one without values lets everything through.
fn is_among<T: PartialEq>(value: Option<&T>, wanted: &[T]) -> bool {
    wanted.is_empty() || value.is_some_and(|value| wanted.contains(value))
}
