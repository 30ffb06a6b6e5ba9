//! The command line of osctld.
//!
//! `osctl` has no private door: what it does goes through the API of `os-api`, over the daemon's
//! Unix socket. It parses, asks, prints; it decides nothing.
//!
//! ```text
//!   cli        the options of every command and the top of the command tree
//!   words      options with an empty value are not given; negation: --no-x of every switch
//!   cmd/       one file a command: its options (clap) and what it does
//!   target     `pool:id` arguments; entity: those of any kind; pattern: several
//!   client     typed requests of os-api over the socket; events
//!   reading    what reading commands ask: the daemon, else
//!   offline    the files on the pools themselves
//!   operation  sending a command and following it to its end: plan, progress, Ctrl-C
//!   exec/      a command in a container: streams or a terminal, signals, its status
//!   listing    -o -s -H -L -j -p, tables, `show`, in one place for all
//!   views/     the columns of each entity, declared once
//!   printer    stdout for data, stderr for the rest; colour, quiet
//!   fault      how a command can end other than well, and its exit code
//!   option     long names and values of clap's options, for these
//!   help       the look of `--help`, and what a command that does not exist could mean
//!   complete   values for the shell's completion
//! ```
//!
//! Invariants: data goes to stdout and nothing else does; a command that changes something without
//! saying so in its name does not exist; every wait has a deadline; everything that came from
//! outside is printed with control characters escaped; colour and progress are never needed to
//! understand.
//!
//! Reading commands work without the daemon, from the files on the pools, and say so on stderr.
//! Changes need it. Exit codes are those of [`os_types::Code::exit`]; `osctl help exit-codes`.
//!
//! Start reading at `cli.rs`, then any file in `cmd/`, e.g. `cmd/user/new.rs`.
#![forbid(unsafe_code)]

mod cli;
mod client;
mod cmd;
mod command_line;
mod complete;
mod context;
mod deferral;
mod entity;
mod exec;
mod fault;
mod help;
mod listing;
mod negation;
mod offline;
mod operation;
mod option;
mod pattern;
mod printer;
mod program;
mod reading;
mod setting;
mod standard_input;
mod target;
mod views;
mod words;

pub use cli::command;
pub use program::{Surroundings, main, run};
