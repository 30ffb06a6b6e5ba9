//! `osctl id-range`.

mod allocate;
mod del;
mod free;
mod ls;
mod new;
mod show;
mod table;

use os_types::IdRangeName;

use crate::cmd::assets::EntityAssets;
use crate::cmd::attr::{SetAttr, UnsetAttr};
use crate::cmd::commands;
use crate::target::Ref;

commands! {
    IdRangeCommand {
        #[command(visible_alias = "list")]
        Ls(ls::Ls),
        #[command(visible_alias = "info")]
        Show(show::Show),
        #[command(visible_alias = "create")]
        New(new::New),
        #[command(visible_alias = "delete")]
        Del(del::Del),
        /// The blocks of a range, and who has them
        #[command(subcommand)]
        Table(table::Table),
        Allocate(allocate::Allocate),
        Free(free::Free),
        /// Change an attribute
        #[command(subcommand)]
        Set(Set),
        /// Remove an attribute
        #[command(subcommand)]
        Unset(Unset),
        Assets(EntityAssets<Ref<IdRangeName>>),
    }
}

commands! {
    Set {
        Attr(SetAttr<Ref<IdRangeName>>),
    }
}

commands! {
    Unset {
        Attr(UnsetAttr<Ref<IdRangeName>>),
    }
}
