//! `osctl user`.

mod ls;
mod map;
mod new;
mod register;
mod set;

use os_types::UserName;

use crate::cmd::activate::Activate;
use crate::cmd::assets::EntityAssets;
use crate::cmd::commands;
use crate::cmd::entity::{Del, Show};
use crate::target::Ref;

commands! {
    UserCommand {
        #[command(visible_alias = "list")]
        Ls(ls::Ls),
        /// Show a user
        #[command(visible_alias = "info", after_help = "Example: osctl user show tank:alice")]
        Show(Show<Ref<UserName>>),
        #[command(visible_alias = "create")]
        New(new::New),
        /// Delete a user that nothing uses
        #[command(visible_alias = "delete", after_help = "Example: osctl user del alice")]
        Del(Del<Ref<UserName>>),
        #[command(visible_alias = "register")]
        Reg(register::Register),
        #[command(visible_alias = "unregister")]
        Unreg(register::Unregister),
        Map(map::Map),
        /// Change a setting or an attribute
        #[command(subcommand)]
        Set(set::Set),
        /// Return a setting to its default, or remove an attribute
        #[command(subcommand)]
        Unset(set::Unset),
        Subugids(Activate),
        Assets(EntityAssets<Ref<UserName>>),
    }
}
