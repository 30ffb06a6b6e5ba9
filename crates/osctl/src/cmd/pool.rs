//! `osctl pool`.

mod destroy;
mod export;
mod forget;
mod import;
mod install;
mod ls;
mod new;
mod reload;
mod set;
mod sources;
mod uninstall;

use os_types::PoolName;

use crate::cmd::assets::EntityAssets;
use crate::cmd::commands;
use crate::cmd::entity::Show;
use crate::cmd::prlimits::PrlimitsCommand;

commands! {
    PoolCommand {
        #[command(visible_alias = "list")]
        Ls(ls::Ls),
        /// Show a pool
        #[command(visible_alias = "info", after_help = "Example: osctl pool show tank -o state -H")]
        Show(Show<PoolName>),
        Sources(sources::Sources),
        #[command(visible_alias = "create")]
        New(new::New),
        Install(install::Install),
        Uninstall(uninstall::Uninstall),
        Destroy(destroy::Destroy),
        Import(import::Import),
        Export(export::Export),
        Forget(forget::Forget),
        Reload(reload::Reload),
        /// Change a setting or an attribute
        #[command(subcommand)]
        Set(set::Set),
        /// Return a setting to its default, or remove an attribute
        #[command(subcommand)]
        Unset(set::Unset),
        /// Limits of the processes of containers
        #[command(subcommand)]
        Prlimits(PrlimitsCommand<PoolName>),
        Assets(EntityAssets<PoolName>),
    }
}
