//! Commands: everything that changes something, as data.

use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;

pub mod attr;
pub mod container;
pub mod group;
pub mod id_range;
pub mod pool;
pub mod undo;
pub mod user;

use crate::part::{PartSet, PartUnset, Prlimits};
pub use attr::{AttrSet, AttrUnset};
pub use container::{
    ContainerChgrp, ContainerChown, ContainerConfigReload, ContainerConfigReplace, ContainerDel,
    ContainerFreeze, ContainerNew, ContainerRename, ContainerRestart, ContainerSet, ContainerStart,
    ContainerStop, ContainerUnfreeze, ContainerUnset, ImagePrune, TrashPrune,
};
pub use group::{GroupDel, GroupNew};
pub use id_range::{IdRangeAllocate, IdRangeDel, IdRangeFree, IdRangeNew};
pub use pool::{
    PoolDestroy, PoolExport, PoolForget, PoolImport, PoolInstall, PoolNew, PoolReload, PoolSet,
    PoolSetting, PoolUninstall, PoolUnset,
};
pub use undo::Undo;
pub use user::{Activate, UserDel, UserNew, UserRegister, UserSet, UserUnregister};

/// [`PartSet`] of limits of processes.
pub type PrlimitSet = PartSet<Prlimits>;
/// [`PartUnset`] of limits of processes.
pub type PrlimitUnset = PartUnset<Prlimits>;

/// The body of one command.
pub trait CommandBody: DeserializeOwned + JsonSchema {
    /// Its name in the path, e.g. `user-new`.
    const NAME: &'static str;
}

/// What the OpenAPI document says of a command.
#[derive(Debug, Clone, Copy)]
pub struct CommandInfo {
    /// Its name in the path, e.g. `user-new`.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// The first version that has it.
    pub since: &'static str,
    /// The schema of its body.
    pub schema: fn(&mut SchemaGenerator) -> schemars::Schema,
}

/// A body: one object and nothing behind it.
fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let body = crate::wire::object(&mut deserializer)?;
    deserializer.end()?;
    Ok(body)
}

/// The table of commands: variant (and struct), name, first version, summary.
macro_rules! commands {
    ($($variant:ident = $name:literal, $since:literal, $summary:literal;)*) => {
        /// A mutating command with its arguments.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Command {
            $(#[doc = $summary] $variant($variant),)*
        }

        impl Command {
            /// Every command there is.
            pub const ALL: &'static [CommandInfo] = &[$(CommandInfo {
                name: $name,
                summary: $summary,
                since: $since,
                schema: |generator| generator.subschema_for::<$variant>(),
            }),*];

            /// Its name in the path, e.g. `user-new`.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            /// The command `name` with the body `json`; `None` if there is no such command.
            ///
            /// # Errors
            /// When the body is not what the command takes.
            pub fn decode(name: &str, json: &[u8]) -> Option<Result<Self, serde_json::Error>> {
                match name {
                    $($name => Some(read(json).map(Self::$variant)),)*
                    _ => None,
                }
            }

            /// The body as JSON, as [`Command::decode`] reads it.
            ///
            /// # Errors
            /// When a path in it is not UTF-8.
            pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
                match self { $(Self::$variant(body) => serde_json::to_vec(body),)* }
            }
        }

        $(
            impl CommandBody for $variant {
                const NAME: &'static str = $name;
            }

            impl From<$variant> for Command {
                fn from(body: $variant) -> Self {
                    Self::$variant(body)
                }
            }
        )*
    };
}

commands! {
    PoolNew = "pool-new", "0.1", "Make a loop pool: a sparse image file with a zpool or a btrfs, installed and imported";
    PoolInstall = "pool-install", "0.1", "Make an existing btrfs or zpool a pool and import it";
    PoolUninstall = "pool-uninstall", "0.1", "Make an exported pool an ordinary file system again";
    PoolDestroy = "pool-destroy", "0.1", "Destroy an exported loop pool with everything on it";
    PoolForget = "pool-forget", "0.1", "Forget where an exported pool is, and which host ids its users have";
    PoolImport = "pool-import", "0.1", "Open a pool and register what is on it";
    PoolExport = "pool-export", "0.1", "Unregister what is on a pool and close it";
    PoolReload = "pool-reload", "0.1", "Read the configuration of an imported pool again";
    PoolSet = "pool-set", "0.1", "Change settings of a pool";
    PoolUnset = "pool-unset", "0.1", "Return a setting of a pool to its default";
    IdRangeNew = "id-range-new", "0.1", "Create an id range";
    IdRangeDel = "id-range-del", "0.1", "Delete an id range without allocations";
    IdRangeAllocate = "id-range-allocate", "0.1", "Allocate blocks of an id range";
    IdRangeFree = "id-range-free", "0.1", "Free allocated blocks of an id range";
    UserNew = "user-new", "0.1", "Create a user with an id map of its own";
    UserDel = "user-del", "0.1", "Delete a user that nothing uses";
    UserRegister = "user-register", "0.1", "Create the system user of a user";
    UserUnregister = "user-unregister", "0.1", "Remove the system user of a user";
    UserSet = "user-set", "0.1", "Change settings of a user";
    GroupNew = "group-new", "0.1", "Create a group";
    GroupDel = "group-del", "0.1", "Delete a group without children and containers";
    ContainerNew = "container-new", "0.2", "Create a container from an image";
    ContainerDel = "container-del", "0.2", "Delete a container; its root goes to the trash bin";
    ContainerStart = "container-start", "0.2", "Start a container";
    ContainerStop = "container-stop", "0.2", "Stop a container";
    ContainerRestart = "container-restart", "0.2", "Stop a container and start it again";
    ContainerFreeze = "container-freeze", "0.2", "Freeze the processes of a container";
    ContainerUnfreeze = "container-unfreeze", "0.2", "Let the processes of a frozen container go on";
    ContainerSet = "container-set", "0.2", "Change settings of a container";
    ContainerUnset = "container-unset", "0.2", "Return a setting of a container to its default";
    ContainerChown = "container-chown", "0.2", "Give a stopped container to another user";
    ContainerChgrp = "container-chgrp", "0.2", "Move a stopped container into another group";
    ContainerRename = "container-rename", "0.2", "Give a stopped container another id";
    ContainerConfigReplace = "container-config-replace", "0.2", "Replace the configuration file of a stopped container";
    ContainerConfigReload = "container-config-reload", "0.2", "Read the configuration file of a stopped container again";
    TrashPrune = "trash-prune", "0.2", "Destroy what is in the trash bin of a pool";
    ImagePrune = "image-prune", "0.2", "Drop unused images from the cache of a pool";
    AttrSet = "attr-set", "0.1", "Set a user attribute of an entity";
    AttrUnset = "attr-unset", "0.1", "Unset a user attribute of an entity";
    PrlimitSet = "prlimit-set", "0.3", "Set a limit of processes of a container, a group or a pool";
    PrlimitUnset = "prlimit-unset", "0.3", "Remove a limit, so that an inherited one applies";
    Activate = "activate", "0.1", "Rewrite the account files of this host";
    Undo = "undo", "0.1", "Undo an operation";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_survive_the_wire() {
        let body = br#"{"name":"alice"}"#;
        let command = Command::decode("user-new", body).unwrap().unwrap();
        let json = command.encode().unwrap();
        assert_eq!(
            Command::decode(command.name(), &json).unwrap().unwrap(),
            command
        );
        assert!(Command::decode("no-such", b"{}").is_none());
    }

    #[test]
    fn unknown_keys_are_refused() {
        let json = br#"{"name":"alice","rooot":true}"#;
        let error = Command::decode("user-new", json).unwrap().unwrap_err();
        assert!(error.to_string().contains("rooot"), "{error}");
    }

    #[test]
    fn lists_are_no_bodies() {
        for (name, json) in [
            ("user-register", "[null,null]"),
            ("attr-unset", r#"{"target":["pool","tank"],"key":"a:b"}"#),
        ] {
            let error = Command::decode(name, json.as_bytes()).unwrap().unwrap_err();
            assert!(error.to_string().contains("an object"), "{error}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_crash() {
        let json = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        Command::decode("user-new", json.as_bytes())
            .unwrap()
            .unwrap_err();
    }
}
