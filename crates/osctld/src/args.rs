//! The command line of the daemon.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// The container daemon of vpsAdminOS.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "osctld",
    version,
    max_term_width = 100,
    args_override_self = true
)]
pub(crate) struct Args {
    /// Keep everything of osctl below this directory: runtime directory, host state, account files, pools.
    /// Several daemons with different roots live side by side.
    #[arg(long, value_name = "DIR", default_value = "/", env = "OSCTL_ROOT")]
    pub(crate) root: PathBuf,

    /// How log lines look: for people or as JSON, both to standard error, or sent to the syslog
    /// socket /dev/log.
    #[arg(long, value_enum, default_value_t = LogFormat::Human)]
    pub(crate) log_format: LogFormat,

    /// What is logged, e.g. `debug` or `info,osctld=debug`.
    #[arg(
        long,
        value_name = "FILTER",
        default_value = "info",
        env = "OSCTLD_LOG"
    )]
    pub(crate) log: String,

    /// Do not import pools at start.
    #[arg(long)]
    pub(crate) no_import: bool,

    /// For tests: print the control group that everything of this root is below, and end.
    #[arg(long, hide = true)]
    pub(crate) print_cgroup_parent: bool,

    /// For tests of crash safety: end at a named point of an operation, e.g.
    /// `user-new:1:before:kill`. Programs that are released do not have it.
    #[cfg(debug_assertions)]
    #[arg(long, value_name = "POINT", env = "OSCTLD_FAULT", hide = true)]
    pub(crate) fault: Option<String>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
    /// To the syslog daemon, facility `daemon`.
    Syslog,
}
