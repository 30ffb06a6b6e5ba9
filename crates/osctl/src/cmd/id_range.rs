//! `osctl id-range`.

mod allocate;
mod free;
mod new;
mod table;

use os_types::IdRangeName;

use crate::cmd::assets::EntityAssets;
use crate::cmd::attr::{Set, Unset};
use crate::cmd::commands;
use crate::cmd::entity::{Del, Ls, Show};
use crate::target::Ref;

commands! {
    IdRangeCommand {
        /// List id ranges
        #[command(visible_alias = "list", after_help = "Example: osctl id-range ls -o name,free")]
        Ls(Ls<Ref<IdRangeName>>),
        /// Show an id range
        #[command(visible_alias = "info", after_help = "Example: osctl id-range show tank:default")]
        Show(Show<Ref<IdRangeName>>),
        #[command(visible_alias = "create")]
        New(new::New),
        /// Delete an id range without allocations
        #[command(visible_alias = "delete", after_help = "Example: osctl id-range del big")]
        Del(Del<Ref<IdRangeName>>),
        /// The blocks of a range, and who has them
        #[command(subcommand)]
        Table(table::Table),
        Allocate(allocate::Allocate),
        Free(free::Free),
        /// Change an attribute
        #[command(subcommand)]
        Set(Set<Ref<IdRangeName>>),
        /// Remove an attribute
        #[command(subcommand)]
        Unset(Unset<Ref<IdRangeName>>),
        Assets(EntityAssets<Ref<IdRangeName>>),
    }
}
