//! `prlimits`, the same for pools, groups and containers.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::{PrlimitSet, PrlimitUnset};
use os_api::part::{PartEntry, Prlimits};
use os_types::{LimitValue, Prlimit, PrlimitName};
use serde::Serialize;

use crate::cmd::{Run, commands, one_of};
use crate::context::Ctx;
use crate::entity::PartTarget;
use crate::fault::Outcome;
use crate::listing::{self, Column, ListArgs, Row, text};
use crate::operation;

commands! {
    PrlimitsCommand<T: PartTarget> {
        #[command(visible_alias = "list")]
        Ls(Ls<T>),
        Set(Set<T>),
        Unset(Unset<T>),
    }
}

/// List the limits that apply, and where they come from
#[derive(Debug, Args)]
pub(crate) struct Ls<T: PartTarget> {
    /// The owner of the limits
    #[arg(add = ArgValueCompleter::new(T::complete))]
    name: T,
    #[command(flatten)]
    list: ListArgs,
}

/// Limit the processes of containers, from their next start on
///
/// A limit of a pool or a group applies to each container in it that has no limit of that name of
/// its own.
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct prlimits set web nofile 4096 65536")]
pub(crate) struct Set<T: PartTarget> {
    /// The owner of the limit
    #[arg(add = ArgValueCompleter::new(T::complete))]
    name: T,
    /// What is limited, as in setrlimit(2)
    #[arg(value_parser = limit())]
    limit: PrlimitName,
    /// The limit that applies: a number, or `unlimited`
    soft: LimitValue,
    /// How far the container may raise it [default: SOFT]
    hard: Option<LimitValue>,
}

/// Remove a limit, so that the inherited one applies
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct prlimits unset web nofile")]
pub(crate) struct Unset<T: PartTarget> {
    /// The owner of the limit
    #[arg(add = ArgValueCompleter::new(T::complete))]
    name: T,
    /// What is limited
    #[arg(value_parser = limit())]
    limit: PrlimitName,
}

fn limit() -> impl clap::builder::TypedValueParser<Value = PrlimitName> {
    one_of(&PrlimitName::ALL, PrlimitName::as_str)
}

impl<T: PartTarget> Run for Ls<T> {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::list(ctx, &self.list, |ctx| {
            let view = self.name.read(ctx)?;
            Ok(T::prlimits(view).into_iter().map(Line::from).collect())
        })
    }
}

impl<T: PartTarget> Run for Set<T> {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let command = PrlimitSet {
            owner: self.name.owner(ctx.pool()),
            key: self.limit,
            value: Prlimit::new(self.soft, self.hard.unwrap_or(self.soft))
                .map_err(os_types::Failure::from)?,
        };
        operation::run(ctx, command)
    }
}

impl<T: PartTarget> Run for Unset<T> {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let command = PrlimitUnset {
            owner: self.name.owner(ctx.pool()),
            key: self.limit,
        };
        operation::run(ctx, command)
    }
}

/// A limit as it is listed.
#[derive(Debug, Serialize)]
struct Line {
    name: PrlimitName,
    soft: LimitValue,
    hard: LimitValue,
    from: String,
    pending: bool,
}

impl From<PartEntry<Prlimits>> for Line {
    fn from(entry: PartEntry<Prlimits>) -> Self {
        Self {
            name: entry.key,
            soft: entry.value.soft(),
            hard: entry.value.hard(),
            from: entry.from.into_owned(),
            pending: entry.pending,
        }
    }
}

impl Row for Line {
    const COLUMNS: &'static [Column<Self>] = &[
        Column::main("name", |line| text(line.name)),
        Column::main("soft", |line| text(line.soft)),
        Column::main("hard", |line| text(line.hard)),
        Column::main("from", |line| text(&line.from)),
        Column::main("pending", |line| line.pending.into()),
    ];
}
