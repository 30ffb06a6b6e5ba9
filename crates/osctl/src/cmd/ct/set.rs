//! `osctl ct set` and `osctl ct unset`.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Subcommand};
use clap_complete::ArgValueCompleter;
use os_api::command::{ContainerSet, ContainerUnset};
use os_api::settings::{ContainerSetting, ContainerSettings, Effect, SettingInfo};
use os_types::ContainerName;
use os_types::image::{Arch, DistVersion, Distribution, Variant, Vendor};

use crate::cmd::attr::{SetAttr, UnsetAttr};
use crate::cmd::{Run, commands};
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::setting::{self, Setting};
use crate::target::Ref;
use crate::{operation, reading};

/// A level of commands: those made from the table of settings, and `Others`.
#[derive(Debug)]
pub(crate) enum Change<Others> {
    Setting(&'static Setting, ArgMatches),
    Other(Others),
}

commands! {
    SetOther {
        Distribution(SetDistribution),
        Attr(SetAttr<Ref<ContainerName>>),
    }
}

commands! {
    UnsetOther {
        Attr(UnsetAttr<Ref<ContainerName>>),
    }
}

pub(crate) type Set = Change<SetOther>;
pub(crate) type Unset = Change<UnsetOther>;

impl<Others: FromArgMatches> FromArgMatches for Change<Others> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        match setting::find(matches) {
            Some((setting, matches)) => Ok(Self::Setting(setting, matches)),
            None => Others::from_arg_matches(matches).map(Self::Other),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Adds the commands of settings to a level.
macro_rules! level {
    ($type:ty, $others:ty, $commands:path) => {
        impl Subcommand for $type {
            fn augment_subcommands(command: Command) -> Command {
                <$others>::augment_subcommands($commands(command))
            }

            fn augment_subcommands_for_update(command: Command) -> Command {
                <$others>::augment_subcommands_for_update($commands(command))
            }

            fn has_subcommand(name: &str) -> bool {
                let word = |setting: &Setting| setting.key.info().word;
                let mut first = setting::SETTINGS
                    .iter()
                    .map(|it| word(it).split(' ').next());
                first.any(|word| word == Some(name)) || <$others>::has_subcommand(name)
            }
        }
    };
}

level!(Set, SetOther, setting::set_commands);
level!(Unset, UnsetOther, setting::unset_commands);

impl Run for Set {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let (setting, matches) = match self {
            Self::Setting(setting, matches) => (setting, matches),
            Self::Other(other) => return other.run(ctx),
        };
        let (id, settings) = setting.read(matches)?;
        let id = id.or_pool(ctx.pool());
        let Ref { pool, name } = id.clone();
        let command = ContainerSet {
            pool,
            name,
            settings,
            distribution: None,
            version: None,
            arch: None,
            vendor: None,
            variant: None,
        };
        operation::run(ctx, command)?;
        tell_pending(ctx, id, setting.key);
        Ok(())
    }
}

impl Run for Unset {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let (setting, mut matches) = match self {
            Self::Setting(setting, matches) => (setting, matches),
            Self::Other(other) => return other.run(ctx),
        };
        let id = setting::taken_id(&mut matches)?.or_pool(ctx.pool());
        let Ref { pool, name } = id.clone();
        let setting = setting.key;
        let command = ContainerUnset {
            pool,
            name,
            setting,
        };
        operation::run(ctx, command)?;
        tell_pending(ctx, id, setting);
        Ok(())
    }
}

/// Says when a setting takes effect that the running container does not have yet.
fn tell_pending(ctx: &mut Ctx, id: Ref<ContainerName>, setting: ContainerSetting) {
    let SettingInfo {
        word,
        field,
        effect,
        ..
    } = setting.info();
    // The command has succeeded; a container that cannot be shown now changes nothing about that.
    let shown = if ctx.globals.plan {
        None
    } else {
        reading::container(ctx, id).ok()
    };
    if shown.is_some_and(|shown| shown.pending.iter().any(|name| name == field)) {
        let when = match effect {
            Effect::InGuest => "when the container is thawed",
            Effect::AtOnce | Effect::NextStart => effect.as_str(),
        };
        ctx.printer.note(format_args!("{word} takes effect {when}"));
    }
}

/// Record another distribution, after an upgrade within the container
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct set distribution web debian 14")]
pub(crate) struct SetDistribution {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
    /// The distribution
    distribution: Distribution,
    /// Its version
    version: DistVersion,
    /// The architecture; without it, it stays as it is
    arch: Option<Arch>,
    /// The vendor; without it, it is unknown
    vendor: Option<Vendor>,
    /// The variant; without it, it is unknown
    variant: Option<Variant>,
}

impl Run for SetDistribution {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.id.or_pool(ctx.pool());
        let command = ContainerSet {
            pool,
            name,
            settings: ContainerSettings::default(),
            distribution: Some(self.distribution),
            version: Some(self.version),
            arch: self.arch,
            vendor: self.vendor,
            variant: self.variant,
        };
        operation::run(ctx, command)
    }
}
