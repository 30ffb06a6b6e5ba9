//! `osctl group`.

mod new;
mod tree;

use os_types::GroupName;

use crate::cmd::assets::EntityAssets;
use crate::cmd::attr::{Set, Unset};
use crate::cmd::commands;
use crate::cmd::entity::{Del, Ls, Show};
use crate::cmd::prlimits::PrlimitsCommand;
use crate::target::Ref;

commands! {
    GroupCommand {
        /// List groups
        #[command(
            visible_alias = "list",
            after_help = "Example: osctl group ls -o +nproc -s memory"
        )]
        Ls(Ls<Ref<GroupName>>),
        Tree(tree::Tree),
        /// Show a group
        #[command(
            visible_aliases = ["info", "find"],
            after_help = "Example: osctl group show tank:/default"
        )]
        Show(Show<Ref<GroupName>>),
        #[command(visible_alias = "create")]
        New(new::New),
        /// Delete a group without children and containers
        #[command(visible_alias = "delete", after_help = "Example: osctl group del /customers/web")]
        Del(Del<Ref<GroupName>>),
        /// Change an attribute
        #[command(subcommand)]
        Set(Set<Ref<GroupName>>),
        /// Remove an attribute
        #[command(subcommand)]
        Unset(Unset<Ref<GroupName>>),
        /// Limits of the processes of containers
        #[command(subcommand)]
        Prlimits(PrlimitsCommand<Ref<GroupName>>),
        Assets(EntityAssets<Ref<GroupName>>),
    }
}
