//! `osctl user new`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::UserNew;
use os_types::{Code, Failure, IdMap, IdMapEntry, IdRangeName, UserName};

use crate::cmd::{Run, unless};
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Create a user with an id map of its own
///
/// Without maps, a block of an id range is allocated and mapped whole. With maps, they are taken
/// as given; together with a block index they have to be in that block.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  osctl user new alice\n  osctl user new tank:bob --map 0:2000000:65536"
)]
pub(crate) struct New {
    /// The new user, [pool:]name
    user: Ref<UserName>,
    /// The id range to take a block from [default: default]
    #[arg(long, value_name = "RANGE", add = ArgValueCompleter::new(complete::id_ranges))]
    id_range: Option<IdRangeName>,
    /// The block to use: an allocation that no user has, or a free block
    #[arg(long, value_name = "INDEX")]
    id_range_block_index: Option<u32>,
    /// An entry of both maps; may be repeated
    #[arg(long, value_name = "NS:HOST:COUNT")]
    map: Vec<IdMapEntry>,
    /// An entry of the map of user ids; may be repeated
    #[arg(long, value_name = "NS:HOST:COUNT")]
    map_uid: Vec<IdMapEntry>,
    /// An entry of the map of group ids; may be repeated
    #[arg(long, value_name = "NS:HOST:COUNT")]
    map_gid: Vec<IdMapEntry>,
    /// Keep the user when its last container is deleted (default)
    #[arg(long, overrides_with = "no_standalone")]
    standalone: bool,
    /// Delete the user with its last container
    #[arg(long, overrides_with = "standalone")]
    no_standalone: bool,
}

impl Run for New {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.user.or_pool(ctx.pool());
        let command = UserNew {
            pool,
            name,
            id_range: self.id_range,
            block_index: self.id_range_block_index,
            uid_map: id_map(&self.map, self.map_uid)?,
            gid_map: id_map(&self.map, self.map_gid)?,
            standalone: unless(self.standalone, self.no_standalone),
        };
        operation::run(ctx, command)
    }
}

/// The map of the entries for both kinds of ids and those for one kind.
fn id_map(both: &[IdMapEntry], own: Vec<IdMapEntry>) -> Result<Option<IdMap>, Failure> {
    let entries = [both.to_vec(), own].concat();
    if entries.is_empty() {
        return Ok(None);
    }
    let map = IdMap::try_from(entries);
    map.map(Some)
        .map_err(|error| Failure::new(Code::Name, error.to_string()))
}
