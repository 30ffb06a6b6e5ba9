//! `ls`, `show` and `del`, the same for every kind of entity.
//!
//! Their help texts stand at the variants of the level above.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_types::PoolName;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::entity::{DelTarget, Target};
use crate::fault::{Outcome, of_deletion};
use crate::listing::{self, ListArgs, ShowArgs};
use crate::operation;
use crate::pattern::Pattern;

#[derive(Debug, Args)]
pub(crate) struct Show<T: Target> {
    #[arg(value_name = T::PLACEHOLDER, help = T::HELP, add = ArgValueCompleter::new(T::complete))]
    name: T,
    #[command(flatten)]
    shown: ShowArgs,
}

impl<T: Target> Run for Show<T> {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::show(ctx, &self.shown, |ctx| self.name.read(ctx))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Del<T: DelTarget> {
    #[arg(value_name = T::PLACEHOLDER, help = T::HELP, add = ArgValueCompleter::new(T::complete))]
    name: T,
}

impl<T: DelTarget> Run for Del<T> {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let command = self.name.del(ctx.pool());
        of_deletion(operation::run(ctx, command))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Ls<T: Target> {
    #[command(flatten)]
    names: Names<T>,
    #[command(flatten)]
    list: ListArgs,
}

impl<T: Target> Run for Ls<T> {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::list(ctx, &self.list, |ctx| {
            let mut views = T::read_all(ctx)?;
            views.retain(|view| self.names.fit(view));
            Ok(views)
        })
    }
}

/// The names of a listing.
#[derive(Debug, Args)]
pub(crate) struct Names<T: Target> {
    /// Only these: names, or patterns such as 'web*' or 'tank:*'
    #[arg(value_name = T::PLACEHOLDER, add = ArgValueCompleter::new(T::complete))]
    names: Vec<Pattern<T>>,
}

impl<T: Target> Names<T> {
    /// Those that are no patterns.
    pub(crate) fn exact(&self) -> impl Iterator<Item = &T> {
        self.names.iter().filter_map(|name| match name {
            Pattern::One(name) => Some(name),
            Pattern::Like { .. } => None,
        })
    }

    /// Whether an entity is listed; without names all are.
    pub(crate) fn fit(&self, view: &T::View) -> bool {
        self.fit_at(T::place(view))
    }

    /// Whether the entity at `place` is listed, see [`Target::place`].
    pub(crate) fn fit_at(&self, place: (&PoolName, &str)) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| name.fits(place))
    }
}
