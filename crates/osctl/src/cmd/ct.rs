//! `osctl ct`.

mod attach;
mod chgrp;
mod chown;
mod config;
mod del;
mod exec;
mod freeze;
mod log;
mod ls;
mod monitor;
mod new;
mod ready;
mod rename;
mod restart;
mod set;
mod start;
mod stop;
mod targets;
mod tree;
mod wait;

use os_types::ContainerName;

use crate::cmd::assets::EntityAssets;
use crate::cmd::commands;
use crate::cmd::entity::Show;
use crate::cmd::prlimits::PrlimitsCommand;
use crate::target::Ref;

commands! {
    CtCommand {
        #[command(visible_alias = "list")]
        Ls(ls::Ls),
        /// Show a container
        #[command(visible_alias = "info", after_help = "Example: osctl ct show -H -o init_pid web")]
        Show(Show<Ref<ContainerName>>),
        Tree(tree::Tree),
        #[command(visible_alias = "create")]
        New(new::New),
        #[command(visible_alias = "delete")]
        Del(del::Del),
        Start(start::Start),
        Stop(stop::Stop),
        Restart(restart::Restart),
        Freeze(freeze::Freeze),
        #[command(visible_alias = "thaw")]
        Unfreeze(freeze::Unfreeze),
        Exec(exec::Exec),
        #[command(visible_alias = "enter")]
        Attach(attach::Attach),
        Wait(wait::Wait),
        Monitor(monitor::Monitor),
        /// What LXC wrote about a container
        #[command(subcommand)]
        Log(log::LogCommand),
        /// Change a setting or an attribute
        #[command(subcommand)]
        Set(set::Set),
        /// Return a setting to its default, or remove an attribute
        #[command(subcommand)]
        Unset(set::Unset),
        Chown(chown::Chown),
        Chgrp(chgrp::Chgrp),
        Rename(rename::Rename),
        /// The configuration file of a container
        #[command(subcommand, visible_alias = "cfg")]
        Config(config::ConfigCommand),
        /// Limits of the processes of containers
        #[command(subcommand)]
        Prlimits(PrlimitsCommand<Ref<ContainerName>>),
        Assets(EntityAssets<Ref<ContainerName>>),
    }
}
