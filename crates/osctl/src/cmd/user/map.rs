//! `osctl user map`.

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCompleter;
use os_types::UserName;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ListArgs};
use crate::target::Ref;
use crate::views::user::MapLine;
use crate::{complete, reading};

/// List the id maps of a user
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl user map alice uid")]
pub(crate) struct Map {
    /// The user, [pool:]name
    #[arg(add = ArgValueCompleter::new(complete::users))]
    user: Ref<UserName>,
    /// Which map
    #[arg(default_value = "both")]
    which: Which,
    #[command(flatten)]
    list: ListArgs,
}

/// Which map of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    Uid,
    Gid,
    Both,
}

impl Run for Map {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::list(ctx, &self.list, |ctx| {
            let user = reading::user(ctx, self.user)?;
            let maps = [("uid", user.uid_map), ("gid", user.gid_map)];
            let wanted = maps.into_iter().filter(|(kind, _)| match self.which {
                Which::Both => true,
                Which::Uid => *kind == "uid",
                Which::Gid => *kind == "gid",
            });
            let lines = wanted.flat_map(|(kind, map)| {
                map.into_iter().map(move |entry| MapLine::new(kind, entry))
            });
            Ok(lines.collect())
        })
    }
}
