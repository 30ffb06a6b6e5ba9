//! The commands: one file each, named as on the command line.

pub(crate) mod activate;
pub(crate) mod assets;
pub(crate) mod attr;
pub(crate) mod completion;
pub(crate) mod ct;
pub(crate) mod daemon;
pub(crate) mod entity;
pub(crate) mod group;
pub(crate) mod healthcheck;
pub(crate) mod help;
pub(crate) mod history;
pub(crate) mod id_range;
pub(crate) mod image;
mod later;
pub(crate) mod man;
pub(crate) mod monitor;
pub(crate) mod operation;
pub(crate) mod ping;
pub(crate) mod pool;
pub(crate) mod prlimits;
pub(crate) mod queue;
pub(crate) mod trash_bin;
pub(crate) mod undo;
pub(crate) mod user;

pub(crate) use later::Later;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::context::Ctx;
use crate::fault::Outcome;

/// A command with its arguments.
pub(crate) trait Run {
    /// Does what it is for.
    fn run(self, ctx: &mut Ctx) -> Outcome;
}

/// Takes the name of one of these values as an argument; others are refused with all names.
pub(crate) fn one_of<T>(
    values: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(values.iter().copied().map(name)).try_map(move |given| {
        let named = values.iter().copied().find(|value| name(*value) == given);
        named.ok_or("it is not one of these")
    })
}

/// A level of the command tree: an enum of commands that runs the one that was chosen.
///
/// The help text of a command is the doc comment of its arguments, or that of the variant.
macro_rules! commands {
    ($(#[$outer:meta])* $name:ident $(<$param:ident: $bound:path>)? {
        $($(#[$meta:meta])* $variant:ident($args:ty),)*
    }) => {
        $(#[$outer])*
        #[derive(Debug, clap::Subcommand)]
        #[command(infer_subcommands = true, disable_help_subcommand = true)]
        pub(crate) enum $name $(<$param: $bound>)? { $($(#[$meta])* $variant($crate::cmd::Later<$args>),)* }

        impl $(<$param: $bound>)? $crate::cmd::Run for $name $(<$param>)? {
            fn run(self, ctx: &mut $crate::context::Ctx) -> $crate::fault::Outcome {
                match self { $(Self::$variant(command) => $crate::cmd::Run::run(command, ctx),)* }
            }
        }
    };
}
pub(crate) use commands;

commands! {
    #[expect(clippy::large_enum_variant, reason = "one is made, once")]
    Top {
        /// Pools: where everything lives
        #[command(subcommand)]
        Pool(pool::PoolCommand),
        /// Ranges of host ids that users get their blocks from
        #[command(subcommand, alias = "id-ranges")]
        IdRange(id_range::IdRangeCommand),
        /// Users: tenants with id maps of their own
        #[command(subcommand)]
        User(user::UserCommand),
        /// Groups: the tree of control groups
        #[command(subcommand)]
        Group(group::GroupCommand),
        /// Containers: whole systems that share the kernel
        #[command(subcommand, visible_alias = "vps", alias = "container")]
        Ct(ct::CtCommand),
        /// The images that pools have in their caches
        #[command(subcommand)]
        Image(image::ImageCommand),
        /// What was deleted and not yet destroyed
        #[command(subcommand)]
        TrashBin(trash_bin::TrashBinCommand),
        /// Commands in progress and the newest ended ones
        #[command(subcommand)]
        Operation(operation::OperationCommand),
        /// Which operations hold which locks, and which wait
        #[command(subcommand)]
        Queue(queue::QueueCommand),
        History(history::History),
        Undo(undo::Undo),
        Monitor(monitor::Monitor),
        Assets(assets::HostAssets),
        Healthcheck(healthcheck::Healthcheck),
        Ping(ping::Ping),
        /// osctld itself: whether it is ready, and preparing it for a stop
        #[command(subcommand)]
        Daemon(daemon::DaemonCommand),
        Activate(activate::Activate),
        Help(help::Help),
        Completion(completion::Completion),
        #[command(hide = true)]
        Man(man::Man),
    }
}

/// The value of a pair of options `--x` and `--no-x` of which the last one given counts, and `--x`
/// is the default.
pub(crate) const fn unless(yes: bool, no: bool) -> bool {
    yes || !no
}
