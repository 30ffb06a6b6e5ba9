//! The command line of container settings, made from the table in `os_api::settings`.
//!
//! `ct set WORD`, `ct unset WORD` and the options of `ct new` are described at run time, one for
//! each entry of the table; the type of a setting's value ([`Input`]) says which arguments it has.

mod input;

use clap::builder::ValueParser;
use clap::{Arg, ArgMatches, Command};
use clap_complete::ArgValueCompleter;
use os_api::settings::{ContainerSetting, ContainerSettings};
use os_types::{ContainerName, Failure};

pub(crate) use input::Input;

use crate::complete;
use crate::deferral::later;
use crate::negation::negatable;
use crate::target::Ref;

/// The argument that names the container.
const ID: &str = "id";

/// A setting on the command line.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) key: ContainerSetting,
    /// The id of the option of `ct new`, which has other options with names of settings.
    option_id: &'static str,
    arguments: fn(Command) -> Command,
    read: fn(&mut ArgMatches) -> Result<ContainerSettings, Failure>,
    option: fn(Arg) -> Option<Arg>,
    read_option: fn(&mut ArgMatches, &str) -> Result<ContainerSettings, Failure>,
}

macro_rules! table {
    ($($(#[doc = $help:literal])+ $variant:ident $field:ident: $type:ty = $word:literal,
        default $default:expr, effect $effect:ident, example $example:literal, unset $unset:literal;)*) => {
        /// All settings.
        pub(crate) const SETTINGS: &[Setting] = &[$(Setting {
            key: ContainerSetting::$variant,
            option_id: concat!("setting_", stringify!($field)),
            arguments: |command| negatable(<$type as Input>::arguments(command.arg(id()))),
            read: |matches| Ok(ContainerSettings {
                $field: Some(<$type as Input>::read(matches)?),
                ..ContainerSettings::default()
            }),
            option: <$type as Input>::option,
            read_option: |matches, name| Ok(ContainerSettings {
                $field: <$type as Input>::read_option(matches, name)?,
                ..ContainerSettings::default()
            }),
        }),*];
    };
}

os_api::container_settings!(table);

impl Setting {
    /// The container and the value that a command line gives.
    pub(crate) fn read(
        &self,
        mut matches: ArgMatches,
    ) -> Result<(Ref<ContainerName>, ContainerSettings), Failure> {
        let settings = (self.read)(&mut matches)?;
        Ok((taken_id(&mut matches)?, settings))
    }

    /// The value of the option of `ct new`, if it was given.
    pub(crate) fn read_option(
        &self,
        matches: &mut ArgMatches,
    ) -> Result<ContainerSettings, Failure> {
        (self.read_option)(matches, self.option_id)
    }
}

fn id() -> Arg {
    Arg::new(ID)
        .required(true)
        .value_name("ID")
        .value_parser(clap::value_parser!(Ref<ContainerName>))
        .help("The container, [pool:]id")
        .add(ArgValueCompleter::new(complete::containers))
}

/// The container that a command line names.
pub(crate) fn taken_id(matches: &mut ArgMatches) -> Result<Ref<ContainerName>, Failure> {
    let id = matches.remove_one(ID);
    id.ok_or_else(|| Failure::new(os_types::Code::Name, "a container has to be named"))
}

/// The subcommands of `ct set`.
pub(crate) fn set_commands(command: Command) -> Command {
    SETTINGS.iter().fold(command, |command, setting| {
        let info = setting.key.info();
        let help: Vec<_> = info.help.iter().map(|line| line.trim()).collect();
        let example = format!("osctl ct set {} {}", info.word, info.example);
        insert(command, info.word, |leaf| {
            let leaf = leaf.about(help.first().copied().unwrap_or_default());
            let leaf = if help.len() > 1 {
                leaf.long_about(help.join("\n"))
            } else {
                leaf
            };
            later(leaf.after_help(notes(setting, &example)), setting.arguments)
        })
    })
}

/// The subcommands of `ct unset`.
pub(crate) fn unset_commands(command: Command) -> Command {
    SETTINGS.iter().fold(command, |command, setting| {
        let info = setting.key.info();
        let example = format!("osctl ct unset {} web", info.word);
        insert(command, info.word, |leaf| {
            let leaf = leaf.about(info.unset).after_help(notes(setting, &example));
            later(leaf, |leaf| leaf.arg(id()))
        })
    })
}

fn notes(setting: &Setting, example: &str) -> String {
    let effect = setting.key.info().effect.as_str();
    format!("Takes effect {effect}.\n\nExample: {example}")
}

/// The options of `ct new`.
pub(crate) fn new_options(command: Command) -> Command {
    SETTINGS.iter().fold(command, |command, setting| {
        let info = setting.key.info();
        let arg = Arg::new(setting.option_id)
            .long(info.word)
            .help(info.help.first().copied().unwrap_or_default().trim())
            .help_heading("Settings");
        match (setting.option)(arg) {
            Some(arg) => command.arg(arg),
            None => command,
        }
    })
}

/// Adds the command that `words` name, below the levels that they need.
fn insert(
    command: Command,
    words: &'static str,
    describe: impl FnOnce(Command) -> Command,
) -> Command {
    let Some((level, rest)) = words.split_once(' ') else {
        return command.subcommand(describe(Command::new(words)));
    };
    let exists = command.find_subcommand(level).is_some();
    let command = if exists {
        command
    } else {
        command.subcommand(new_level(level))
    };
    command.mut_subcommand(level, |level| insert(level, rest, describe))
}

fn new_level(name: &'static str) -> Command {
    Command::new(name)
        .about("Change the configuration of LXC itself")
        .infer_subcommands(true)
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .arg_required_else_help(true)
}

/// The setting that a command line names, and its arguments; `None` if it names something else.
pub(crate) fn find(matches: &ArgMatches) -> Option<(&'static Setting, ArgMatches)> {
    let mut words = Vec::new();
    let mut at = matches;
    while let Some((word, below)) = at.subcommand() {
        words.push(word);
        at = below;
    }
    let words = words.join(" ");
    let found = SETTINGS
        .iter()
        .find(|setting| setting.key.info().word == words);
    found.map(|setting| (setting, at.clone()))
}

/// The parser of values that are read from text.
fn parser<T>() -> ValueParser
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync> + Clone + Send + Sync + 'static,
{
    ValueParser::new(|text: &str| text.parse::<T>())
}
