//! The options of every command, and the top of the command tree.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, ValueEnum};
use clap_complete::ArgValueCompleter;
use os_types::PoolName;

use crate::cmd::Top;
use crate::complete;
use crate::deferral;
use crate::negation::negatable;

/// Manage unprivileged system containers, and the pools, users and groups they belong to
///
/// Commands can be abbreviated as long as they stay unambiguous: `osctl us ls`. Things are named
/// `pool:name`; without the pool, the first pool that has such a name is meant.
#[derive(Debug, Parser)]
#[command(
    name = "osctl",
    version,
    infer_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "`osctl help <command>` explains a command, `osctl help <E-CODE>` an error, \
        `osctl help exit-codes` the exit codes; `osctl help global` lists the options of every command.",
    after_long_help = crate::cmd::help::long_help()
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: GlobalArgs,
    /// Show raw numbers and times in UTC
    // Listings take it too; `group new -p` means something else, so it is not global.
    #[arg(short, long, hide_short_help = true)]
    pub(crate) parsable: bool,
    #[command(subcommand)]
    pub(crate) command: Top,
}

/// Options that may stand anywhere.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Print JSON
    #[arg(short, long, global = true, hide_short_help = true)]
    pub(crate) json: bool,
    /// When to use colours
    #[arg(
        long,
        global = true,
        value_name = "auto|always|never",
        hide_possible_values = true,
        default_value = "auto",
        hide_short_help = true,
        overrides_with = "no_color"
    )]
    pub(crate) color: When,
    /// The same as --color never
    #[arg(long, global = true, overrides_with = "color", hide_short_help = true)]
    pub(crate) no_color: bool,
    /// Print no notes and no progress
    #[arg(short, long, global = true, hide_short_help = true)]
    pub(crate) quiet: bool,
    /// The pool of names that say none
    // Its id is not `pool`: clap would mistake it for the argument of commands about pools.
    #[arg(id = "default_pool", long = "pool", value_name = "POOL", global = true, hide_short_help = true,
        add = ArgValueCompleter::new(complete::pools))]
    pub(crate) pool: Option<PoolName>,
    // The variable is read by hand: clap's `env` would put its value into the help.
    #[arg(long, global = true, hide_short_help = true, help = "Directory that contains the runtime directory, state and pools \
        [env: OSCTL_ROOT] [default: /]", value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) root: Option<PathBuf>,
    /// Print the steps of a command that changes something, and change nothing
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) plan: bool,
}

impl GlobalArgs {
    /// When to use colours, of two options.
    pub(crate) fn when(&self) -> When {
        if self.no_color {
            When::Never
        } else {
            self.color
        }
    }
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The command tree; what is below the top is described when clap comes to it.
pub(crate) fn parts() -> clap::Command {
    negatable(Cli::command())
}

/// The whole command tree, with everything described: for help, manual pages and completion.
pub fn command() -> clap::Command {
    deferral::whole(parts)
}
