//! Commands whose arguments are described only when they are needed.
//!
//! To describe all arguments of all commands takes longer than most commands do. One command line
//! needs those of one command; help and completion ask for the whole tree, see [`crate::deferral`].

use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Subcommand};

use super::Run;
use crate::context::Ctx;
use crate::deferral::later;
use crate::fault::Outcome;
use crate::negation::negatable;

/// A command, or a level of them, that clap describes when it comes to it.
#[derive(Debug)]
pub(crate) struct Later<T>(T);

impl<T: Run> Run for Later<T> {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        self.0.run(ctx)
    }
}

impl<T: Args> Args for Later<T> {
    fn augment_args(command: Command) -> Command {
        later(command, |command| negatable(T::augment_args(command)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        later(command, |command| {
            negatable(T::augment_args_for_update(command))
        })
    }
}

impl<T: Subcommand> Subcommand for Later<T> {
    fn augment_subcommands(command: Command) -> Command {
        later(command, T::augment_subcommands)
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        later(command, T::augment_subcommands_for_update)
    }

    fn has_subcommand(name: &str) -> bool {
        T::has_subcommand(name)
    }
}

impl<T: FromArgMatches> FromArgMatches for Later<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}
