//! Which arguments the value of a setting has, by its type.

use std::net::IpAddr;

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use os_types::setting::{Description, MapMode};
use os_types::{Autostart, Code, DnsResolvers, Failure, HostPath, Hostname, InitCmd, RawLxc};

use super::parser;
use crate::listing::{Value, text};
use crate::standard_input;
use crate::target::host_path;

/// The id of the argument of a value.
const VALUE: &str = "value";

/// The value of a setting on the command line.
pub(crate) trait Input: Sized {
    /// Whether listings in JSON have the value as the daemon sends it, or as [`Input::shown`].
    const MEMBER: bool = true;

    /// Adds the arguments of `ct set`, behind the id of the container.
    fn arguments(command: Command) -> Command;

    /// Reads what [`Input::arguments`] added.
    fn read(matches: &mut ArgMatches) -> Result<Self, Failure>;

    /// Makes an option of `ct new`; `None` if the value does not fit into one.
    fn option(_option: Arg) -> Option<Arg> {
        None
    }

    /// Reads the option with this id.
    fn read_option(_matches: &mut ArgMatches, _id: &str) -> Result<Option<Self>, Failure> {
        Ok(None)
    }

    /// How listings show it.
    fn shown(&self) -> Value;

    /// How listings show that it is not set.
    fn shown_unset() -> Value {
        Value::Missing
    }
}

/// A switch: `set` turns it on, `unset` off.
impl Input for bool {
    fn arguments(command: Command) -> Command {
        command
    }

    fn read(_matches: &mut ArgMatches) -> Result<Self, Failure> {
        Ok(true)
    }

    fn option(option: Arg) -> Option<Arg> {
        Some(option.action(ArgAction::SetTrue))
    }

    fn read_option(matches: &mut ArgMatches, id: &str) -> Result<Option<Self>, Failure> {
        Ok(matches.get_flag(id).then_some(true))
    }

    fn shown(&self) -> Value {
        (*self).into()
    }
}

/// Values that are one word of text.
macro_rules! words {
    ($($type:ty = $name:literal;)*) => {$(
        impl Input for $type {
            fn arguments(command: Command) -> Command {
                let arg = Arg::new(VALUE).value_name($name).required(true);
                command.arg(arg.value_parser(parser::<Self>()))
            }

            fn read(matches: &mut ArgMatches) -> Result<Self, Failure> {
                required(matches.remove_one(VALUE))
            }

            fn option(option: Arg) -> Option<Arg> {
                Some(option.value_name($name).value_parser(parser::<Self>()))
            }

            fn read_option(matches: &mut ArgMatches, id: &str) -> Result<Option<Self>, Failure> {
                Ok(matches.remove_one(id))
            }

            fn shown(&self) -> Value {
                text(self)
            }
        }
    )*};
}

words! {
    Hostname = "NAME";
    Description = "TEXT";
    MapMode = "MODE";
}

fn required<T>(value: Option<T>) -> Result<T, Failure> {
    value.ok_or_else(|| Failure::new(Code::Name, "the value is missing"))
}

/// A file, relative to the working directory of the caller.
impl Input for HostPath {
    fn arguments(command: Command) -> Command {
        command.arg(file(Arg::new(VALUE)).required(true))
    }

    fn read(matches: &mut ArgMatches) -> Result<Self, Failure> {
        required(matches.remove_one(VALUE))
    }

    fn option(option: Arg) -> Option<Arg> {
        Some(file(option))
    }

    fn read_option(matches: &mut ArgMatches, id: &str) -> Result<Option<Self>, Failure> {
        Ok(matches.remove_one(id))
    }

    fn shown(&self) -> Value {
        text(self)
    }
}

fn file(arg: Arg) -> Arg {
    let arg = arg.value_name("FILE").value_hint(ValueHint::FilePath);
    arg.value_parser(host_path)
}

/// Addresses, one or more; as an option it is repeated.
impl Input for DnsResolvers {
    fn arguments(command: Command) -> Command {
        command.arg(addresses(Arg::new(VALUE)).required(true))
    }

    fn read(matches: &mut ArgMatches) -> Result<Self, Failure> {
        required(Self::read_option(matches, VALUE)?)
    }

    fn option(option: Arg) -> Option<Arg> {
        Some(addresses(option))
    }

    fn read_option(matches: &mut ArgMatches, id: &str) -> Result<Option<Self>, Failure> {
        let given = matches.remove_many::<IpAddr>(id);
        let resolvers = given.map(|given| Self::try_from(given.collect::<Vec<_>>()));
        let refuse =
            |error: os_types::setting::TooLong| Failure::new(Code::Name, error.to_string());
        resolvers.transpose().map_err(refuse)
    }

    fn shown(&self) -> Value {
        Value::List(self.addresses().iter().map(ToString::to_string).collect())
    }
}

fn addresses(arg: Arg) -> Arg {
    arg.value_name("ADDRESS")
        .action(ArgAction::Append)
        .value_parser(clap::value_parser!(IpAddr))
}

/// The rest of the command line.
impl Input for InitCmd {
    fn arguments(command: Command) -> Command {
        let words = Arg::new(VALUE).value_name("COMMAND").required(true);
        let words = words.help("Its path in the container, and its arguments");
        let words = words
            .action(ArgAction::Append)
            .num_args(1..)
            .trailing_var_arg(true);
        command.arg(words.allow_hyphen_values(true))
    }

    fn read(matches: &mut ArgMatches) -> Result<Self, Failure> {
        let words = required(matches.remove_many::<String>(VALUE))?;
        Ok(Self::try_from(words.collect::<Vec<_>>())?)
    }

    fn shown(&self) -> Value {
        text(self)
    }
}

/// Standard input.
impl Input for RawLxc {
    fn arguments(command: Command) -> Command {
        command
    }

    fn read(_matches: &mut ArgMatches) -> Result<Self, Failure> {
        let lines = standard_input::read()?.parse::<Self>();
        lines.map_err(|error| Failure::new(Code::Name, format!("standard input: {error}")))
    }

    fn shown(&self) -> Value {
        text(self.as_str().trim_end())
    }
}

impl Input for Autostart {
    const MEMBER: bool = false;

    fn arguments(command: Command) -> Command {
        let number = |name: &'static str, value, default| {
            let arg = Arg::new(name).short(name.chars().next()).long(name);
            arg.value_name(value)
                .default_value(default)
                .value_parser(clap::value_parser!(u32))
        };
        command
            .arg(number("priority", "NUMBER", "1000").help("Lower numbers start first"))
            .arg(
                number("delay", "SECONDS", "5")
                    .help("Pause after its start before the next one, on a loaded host"),
            )
    }

    fn read(matches: &mut ArgMatches) -> Result<Self, Failure> {
        Ok(Self {
            priority: required(matches.remove_one("priority"))?,
            delay_s: required(matches.remove_one("delay"))?,
        })
    }

    fn option(option: Arg) -> Option<Arg> {
        bool::option(option)
    }

    fn read_option(matches: &mut ArgMatches, id: &str) -> Result<Option<Self>, Failure> {
        Ok(matches.get_flag(id).then(Self::default))
    }

    fn shown(&self) -> Value {
        true.into()
    }

    fn shown_unset() -> Value {
        false.into()
    }
}
