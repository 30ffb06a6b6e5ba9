//! `conf/ct/<id>.toml`: a container.

use os_api::command::container::ContainerSettings;
use os_api::part::{Keyed, Prlimits};
use os_api::view::Attrs;
use os_store::Document;
use os_store::document::Migration;
use os_types::image::{Arch, DistVersion, Distribution, ImageDigest, Variant, Vendor};
use os_types::{DatasetName, GroupName, UserName};
use serde::{Deserialize, Serialize};

use super::migrate;

/// A container: its owner, its root, its settings and its keyed parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerDoc {
    /// Its user, on the same pool.
    pub user: UserName,
    /// Its group, on the same pool.
    pub group: GroupName,
    /// The dataset of its root, if it is not `<pool>/ct/<id>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetName>,
    /// The image it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageDigest>,
    /// Its distribution.
    pub distribution: Distribution,
    /// Version of the distribution.
    pub version: DistVersion,
    /// Its architecture.
    pub arch: Arch,
    /// Vendor of the distribution, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<Vendor>,
    /// Variant of the distribution, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<Variant>,
    /// The settings that are not at their default.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub settings: ContainerSettings,
    /// Its own limits of processes.
    #[serde(default, skip_serializing_if = "Keyed::<Prlimits>::is_empty")]
    pub prlimits: Keyed<Prlimits>,
    /// User attributes.
    #[serde(default, skip_serializing_if = "Attrs::is_empty")]
    pub attrs: Attrs,
}

fn is_empty(settings: &ContainerSettings) -> bool {
    *settings == ContainerSettings::default()
}

impl Document for ContainerDoc {
    const SCHEMA: u32 = 2;
    const KIND: &'static str = "container";

    fn migrations() -> &'static [Migration] {
        migrate::CONTAINER
    }
}
