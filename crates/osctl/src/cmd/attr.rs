//! `set attr` and `unset attr`, shared by all kinds of entities.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::{AttrSet, AttrUnset};
use os_types::AttrKey;

use crate::cmd::{Run, commands};
use crate::context::Ctx;
use crate::entity::Target;
use crate::fault::Outcome;
use crate::operation;

commands! {
    /// `set` for entities with attributes but no settings.
    Set<T: Target> {
        Attr(SetAttr<T>),
    }
}

commands! {
    /// `unset` for entities with attributes but no settings.
    Unset<T: Target> {
        Attr(UnsetAttr<T>),
    }
}

/// Set a user attribute
#[derive(Debug, Args)]
#[command(
    after_help = "The key has the form vendor:key, e.g. org.example:owner. Attributes are \
    further columns of listings: `ls -o +org.example:owner`."
)]
pub(crate) struct SetAttr<T: Target> {
    /// The entity
    #[arg(add = ArgValueCompleter::new(T::complete))]
    name: T,
    /// The attribute, vendor:key
    key: AttrKey,
    /// Its new value
    value: String,
}

impl<T: Target> Run for SetAttr<T> {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let command = AttrSet {
            target: self.name.attr_target(ctx.pool()),
            key: self.key,
            value: self.value,
        };
        operation::run(ctx, command)
    }
}

/// Unset a user attribute
#[derive(Debug, Args)]
pub(crate) struct UnsetAttr<T: Target> {
    /// The entity
    #[arg(add = ArgValueCompleter::new(T::complete))]
    name: T,
    /// The attribute, vendor:key
    key: AttrKey,
}

impl<T: Target> Run for UnsetAttr<T> {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let command = AttrUnset {
            target: self.name.attr_target(ctx.pool()),
            key: self.key,
        };
        operation::run(ctx, command)
    }
}
