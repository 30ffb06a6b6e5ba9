//! Settings of a container: values of which a container has one each.
//!
//! The table at the end of this file is the only declaration of a setting. From it come the body
//! of `container-set` and `container-unset`, the table `[settings]` of a container's document, the
//! members of a container's view, and in `osctl` the commands `ct set` and `ct unset`, the options
//! of `ct new`, and the columns of `ct ls` and `ct show`. *How to add a setting* in the book shows
//! the steps.

use os_types::GuestSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a changed setting or keyed part changes a container that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// By the command that changes it.
    AtOnce,
    /// By the command that changes it; in a frozen container when it is thawed. Until then it is
    /// listed as pending.
    InGuest,
    /// When the container starts; until then it is listed as pending.
    NextStart,
}

impl Effect {
    /// As help texts say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtOnce => "at once",
            Self::InGuest => "at once, in a frozen container when it is thawed",
            Self::NextStart => "when the container starts",
        }
    }
}

/// What the command line shows of a setting.
#[derive(Debug, Clone, Copy)]
pub struct SettingInfo {
    /// The words of the command line that name it, e.g. `dns-resolver` or `raw lxc`.
    pub word: &'static str,
    /// Its name in JSON, in documents and in `-o`, e.g. `dns_resolvers`.
    pub field: &'static str,
    /// The lines of its description; the first is a sentence of its own.
    pub help: &'static [&'static str],
    /// What `unset` does.
    pub unset: &'static str,
    /// Arguments of `osctl ct set <word>` in an example.
    pub example: &'static str,
    /// When a change takes effect.
    pub effect: Effect,
}

macro_rules! declare {
    ($($(#[doc = $help:literal])+ $variant:ident $field:ident: $type:ty = $word:literal,
        default $default:expr, effect $effect:ident, example $example:literal, unset $unset:literal;)*) => {
        /// Settings of a container. One that is `None` is at its default; in a command it stays as
        /// it is.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct ContainerSettings {
            $($(#[doc = $help])+
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $field: Option<$type>,)*
        }

        /// The name of a setting that can be returned to its default.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum ContainerSetting { $($(#[doc = $help])+ $variant,)* }

        impl ContainerSetting {
            /// All settings.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// What the command line shows of it.
            pub const fn info(self) -> &'static SettingInfo {
                match self {
                    $(Self::$variant => &SettingInfo {
                        word: $word,
                        field: stringify!($field),
                        help: &[$($help),+],
                        unset: $unset,
                        example: $example,
                        effect: Effect::$effect,
                    },)*
                }
            }
        }

        impl ContainerSettings {
            /// Takes over each setting that `changes` has. One that is set to its default is left
            /// out, as in every document.
            pub fn merge(&mut self, changes: &Self) {
                $(if changes.$field.is_some() {
                    self.$field.clone_from(&changes.$field);
                }
                if self.$field == $default {
                    self.$field = None;
                })*
            }

            /// Returns a setting to its default.
            pub fn unset(&mut self, setting: ContainerSetting) {
                match setting { $(ContainerSetting::$variant => self.$field = None,)* }
            }

            /// The same with each default filled in; `None` is left where there is none.
            #[must_use]
            pub fn effective(&self) -> Self {
                Self { $($field: self.$field.clone().or_else(|| $default),)* }
            }

            /// The settings that a container started with `started` does not have yet.
            pub fn pending(&self, started: &Self) -> Vec<ContainerSetting> {
                let mut pending = Vec::new();
                let (now, then) = (self.effective(), started.effective());
                $(if Effect::$effect != Effect::AtOnce && now.$field != then.$field {
                    pending.push(ContainerSetting::$variant);
                })*
                pending
            }
        }
    };
}

/// Calls a macro with the table of settings.
///
/// *Shape* of an entry: description, variant of [`ContainerSetting`], field and type, the words of
/// the command line, the default as an `Option`, when a change takes effect, example and help of
/// `unset`. A value with a rule has a type in `os-types` that checks it.
#[macro_export]
macro_rules! container_settings {
    ($then:ident) => {
        $then! {
            /// What the container is for, in one line
            Description description: os_types::setting::Description = "description",
                default None, effect AtOnce, example "web shop",
                unset "Remove the description";
            /// Start the container when its pool is imported
            Autostart autostart: os_types::Autostart = "autostart",
                default None, effect AtOnce, example "-p 10 web",
                unset "Do not start the container when its pool is imported";
            /// Delete the container when it stops
            Ephemeral ephemeral: bool = "ephemeral",
                default Some(false), effect AtOnce, example "web",
                unset "Keep the container when it stops";
            /// Host name of the container, with or without a domain
            Hostname hostname: os_types::Hostname = "hostname",
                default None, effect InGuest, example "web www.example.org",
                unset "Use the id of the container as its host name";
            /// DNS resolvers of the container, at most 16 addresses
            DnsResolver dns_resolvers: os_types::DnsResolvers = "dns-resolver",
                default Some(os_types::DnsResolvers::default()), effect InGuest,
                example "web 192.0.2.53 2001:db8::53",
                unset "Give the guest its own DNS resolvers back";
            /// How the owners of files are mapped to the ids of the user: `native`
            MapMode map_mode: os_types::setting::MapMode = "map-mode",
                default Some(os_types::setting::MapMode::Native), effect NextStart,
                example "web native",
                unset "Map owners of files with an idmapped mount";
            /// Allow containers within the container
            Nesting nesting: bool = "nesting",
                default Some(false), effect NextStart, example "web",
                unset "Forbid containers within the container";
            /// Use this seccomp policy of LXC, a file on the host, instead of the default one
            Seccomp seccomp_profile: os_types::HostPath = "seccomp",
                default None, effect NextStart, example "web /etc/osctl/strict.seccomp",
                unset "Use the default seccomp policy";
            /// The program that runs as init, and its arguments
            InitCmd init_cmd: os_types::InitCmd = "init-cmd",
                default Some(os_types::InitCmd::default()), effect NextStart,
                example "web /sbin/init --log-level=debug",
                unset "Run /sbin/init";
            /// Lines of LXC configuration, appended to those of osctld
            ///
            /// On the command line they are read from standard input. They replace those that were set
            /// before.
            RawLxc raw_lxc: os_types::RawLxc = "raw lxc",
                default None, effect NextStart, example "web <lines.conf",
                unset "Append no lines to the LXC configuration";
        }
    };
}

container_settings!(declare);

impl ContainerSettings {
    /// Those that are written into files of the guest.
    pub fn guest(&self) -> GuestSettings {
        GuestSettings {
            hostname: self.hostname.clone(),
            dns_resolvers: self.dns_resolvers.clone().unwrap_or_default().into(),
        }
    }

    /// Takes over those that were written into files of the guest.
    pub fn set_guest(&mut self, written: &GuestSettings) {
        self.hostname.clone_from(&written.hostname);
        self.dns_resolvers = written.dns_resolvers.clone().try_into().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> ContainerSettings {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_change_replaces_what_it_names_and_defaults_are_left_out() {
        let mut settings = read(r#"{"nesting":true,"hostname":"web"}"#);
        settings.merge(&read(r#"{"nesting":false,"ephemeral":true}"#));
        assert_eq!(settings, read(r#"{"hostname":"web","ephemeral":true}"#));
        settings.merge(&read(r#"{"dns_resolvers":[],"init_cmd":["/sbin/init"]}"#));
        settings.unset(ContainerSetting::Ephemeral);
        assert_eq!(settings, read(r#"{"hostname":"web"}"#));
    }

    #[test]
    fn only_what_waits_for_a_start_or_a_thaw_is_pending() {
        let mut started = read(r#"{"hostname":"web","init_cmd":["/sbin/init"]}"#);
        let now = read(r#"{"nesting":true,"raw_lxc":"lxc.tty.max = 1\n","ephemeral":true}"#);
        assert_eq!(now.pending(&started)[0], ContainerSetting::Hostname);
        started.set_guest(&now.guest());
        let expected = [ContainerSetting::Nesting, ContainerSetting::RawLxc];
        assert_eq!(now.pending(&started), expected);
        assert_eq!(now.pending(&now), []);
    }

    #[test]
    fn names_on_the_wire_are_the_words_of_the_command_line() {
        for setting in ContainerSetting::ALL {
            let json = serde_json::to_string(setting).unwrap();
            let word = setting.info().word.replace(' ', "-");
            assert_eq!(json, format!("\"{word}\""));
        }
    }
}
