//! `osctl user`.

mod del;
mod ls;
mod map;
mod new;
mod register;
mod set;
mod show;

use os_types::UserName;

use crate::cmd::activate::Activate;
use crate::cmd::assets::EntityAssets;
use crate::cmd::commands;
use crate::target::Ref;

commands! {
    UserCommand {
        #[command(visible_alias = "list")]
        Ls(ls::Ls),
        #[command(visible_alias = "info")]
        Show(show::Show),
        #[command(visible_alias = "create")]
        New(new::New),
        #[command(visible_alias = "delete")]
        Del(del::Del),
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
