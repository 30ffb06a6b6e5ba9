//! Commands about containers.

use os_types::image::{Arch, DistVersion, Distribution, Variant, Vendor};
use os_types::{
    ContainerName, DatasetName, GroupName, HostPath, PoolName, StartInit, StopPolicy, UserName,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::settings::{ContainerSetting, ContainerSettings};
use crate::wire;

/// What a new container's root is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RootSource {
    /// An image archive on the host of the daemon.
    File {
        /// Its absolute path.
        path: HostPath,
    },
    /// An image of a local repository directory.
    Repository {
        /// The directory, an absolute path; default: that of the host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<HostPath>,
        /// The distribution.
        distribution: Distribution,
        /// Its version, or a tag of the repository; default `stable`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<DistVersion>,
        /// The architecture; default: the host's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arch: Option<Arch>,
        /// The vendor; default: the repository's default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vendor: Option<Vendor>,
        /// The variant; default: the vendor's default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        variant: Option<Variant>,
    },
    /// Nothing: an empty directory, to be filled by hand before the first start.
    Empty {
        /// The distribution that will be there.
        distribution: Distribution,
        /// Its version.
        version: DistVersion,
        /// Its architecture.
        arch: Arch,
        /// Vendor of the root that will be there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vendor: Option<Vendor>,
        /// Its variant.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        variant: Option<Variant>,
    },
}

/// Create a container.
///
/// Without `user`, a user is made with the container's id as its name and ids of its own; it goes
/// with its last container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainerNew {
    /// The pool; default: the first imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Id of the container.
    pub name: ContainerName,
    /// What its root is made from.
    #[serde(deserialize_with = "wire::object")]
    pub root: RootSource,
    /// Its user; default: one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserName>,
    /// Its group; default `/default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
    /// The dataset of its root, somewhere on the same pool; default `<pool>/ct/<id>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetName>,
    /// Its settings.
    #[serde(default, deserialize_with = "wire::object")]
    pub settings: ContainerSettings,
}

/// Defines commands that name one container, and what else they take.
macro_rules! about_one {
    ($($(#[$doc:meta])* $type:ident { $($(#[$field_meta:meta])* $field:ident: $field_type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $type {
            /// The pool; default: the first that has such a container.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub pool: Option<PoolName>,
            /// Id of the container.
            pub name: ContainerName,
            $($(#[$field_meta])* pub $field: $field_type,)*
        }
    )*};
}

about_one! {
    /// Delete a container: its root goes to the trash bin of the pool.
    ContainerDel {
        /// Stop it first if it runs.
        #[serde(default)]
        force: bool,
    }

    /// Start a container; done when its init runs. One that runs already is no error.
    ContainerStart {
        /// Let LXC log everything.
        #[serde(default)]
        debug: bool,
        /// Its init.
        #[serde(default)]
        init: StartInit,
    }

    /// Stop a container; done when none of its processes is left.
    ContainerStop {
        /// How.
        #[serde(default, deserialize_with = "wire::object")]
        policy: StopPolicy,
    }

    /// Stop a container and start it again; one that is stopped is started.
    ContainerRestart {
        /// How it is stopped.
        #[serde(default, deserialize_with = "wire::object")]
        policy: StopPolicy,
    }

    /// Freeze all processes of a running container.
    ContainerFreeze {}

    /// Let the processes of a frozen container go on.
    ContainerUnfreeze {}

    /// Change settings of a container.
    ContainerSet {
        /// The settings to change.
        #[serde(default, deserialize_with = "wire::object")]
        settings: ContainerSettings,
        /// The distribution, if an upgrade within the container changed it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        distribution: Option<Distribution>,
        /// The version of the distribution.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<DistVersion>,
        /// The architecture.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arch: Option<Arch>,
        /// The vendor of the distribution.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vendor: Option<Vendor>,
        /// The variant of the distribution.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        variant: Option<Variant>,
    }

    /// Return a setting of a container to its default.
    ContainerUnset {
        /// Which setting.
        setting: ContainerSetting,
    }

    /// Give a stopped container to another user of its pool.
    ContainerChown {
        /// The user.
        user: UserName,
    }

    /// Move a stopped container into another group of its pool.
    ContainerChgrp {
        /// The group.
        group: GroupName,
    }

    /// Give a stopped container another id.
    ContainerRename {
        /// The new id.
        to: ContainerName,
    }

    /// Replace the configuration file of a stopped container.
    ContainerConfigReplace {
        /// The whole text, as `osctl ct config cat` prints it.
        #[schemars(length(max = 262_144))]
        text: String,
    }

    /// Read the configuration file of a stopped container again.
    ContainerConfigReload {}
}

/// Destroy what is in the trash bins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrashPrune {
    /// The pool.
    pub pool: PoolName,
}

/// Drop images from the cache of a pool; those that containers are cloned from stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImagePrune {
    /// The pool.
    pub pool: PoolName,
}
