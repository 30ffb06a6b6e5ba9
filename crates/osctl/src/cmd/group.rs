//! `osctl group`.

mod del;
mod ls;
mod new;
mod show;
mod tree;

use os_types::GroupName;

use crate::cmd::assets::EntityAssets;
use crate::cmd::attr::{SetAttr, UnsetAttr};
use crate::cmd::commands;
use crate::cmd::prlimits::PrlimitsCommand;
use crate::target::Ref;

commands! {
    GroupCommand {
        #[command(visible_alias = "list")]
        Ls(ls::Ls),
        Tree(tree::Tree),
        #[command(visible_aliases = ["info", "find"])]
        Show(show::Show),
        #[command(visible_alias = "create")]
        New(new::New),
        #[command(visible_alias = "delete")]
        Del(del::Del),
        /// Change an attribute
        #[command(subcommand)]
        Set(Set),
        /// Remove an attribute
        #[command(subcommand)]
        Unset(Unset),
        /// Limits of the processes of containers
        #[command(subcommand)]
        Prlimits(PrlimitsCommand<Ref<GroupName>>),
        Assets(EntityAssets<Ref<GroupName>>),
    }
}

commands! {
    Set {
        Attr(SetAttr<Ref<GroupName>>),
    }
}

commands! {
    Unset {
        Attr(UnsetAttr<Ref<GroupName>>),
    }
}
