//! `conf/ct/<id>.toml`: a container.

use std::net::IpAddr;
use std::path::PathBuf;

use os_api::command::container::{ContainerSettings, Hostname};
use os_api::view::Attrs;
use os_store::Document;
use os_types::image::{Arch, DistVersion, Distribution, ImageDigest};
use os_types::{Autostart, DatasetName, GroupName, UserName};
use serde::{Deserialize, Serialize};

/// A container: whose it is, where its root lies, and its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerDoc {
    /// Its user, on the same pool.
    pub user: UserName,
    /// Its group, on the same pool.
    pub group: GroupName,
    /// The dataset of its root, if it is not `ct/<id>`.
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
    /// Delete it when it stops.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ephemeral: bool,
    /// Host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Hostname>,
    /// Addresses of DNS resolvers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_resolvers: Vec<IpAddr>,
    /// Containers within.
    #[serde(default, skip_serializing_if = "is_false")]
    pub nesting: bool,
    /// LXC's seccomp policy, if it is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seccomp_profile: Option<PathBuf>,
    /// The init and its arguments, if not `/sbin/init`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub init_cmd: Vec<String>,
    /// Lines of LXC configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_lxc: Option<String>,
    /// Start at import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autostart: Option<Autostart>,
    /// User attributes.
    #[serde(default, skip_serializing_if = "Attrs::is_empty")]
    pub attrs: Attrs,
}

impl Document for ContainerDoc {
    const SCHEMA: u32 = 1;
    const KIND: &'static str = "container";
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls skip_serializing_if with a reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// What `/sbin/init` is if nothing else is said.
pub const DEFAULT_INIT: &str = "/sbin/init";

impl ContainerDoc {
    /// The init and its arguments.
    pub fn init(&self) -> Vec<String> {
        if self.init_cmd.is_empty() {
            return vec![DEFAULT_INIT.to_owned()];
        }
        self.init_cmd.clone()
    }

    /// Takes over what is given in `settings`.
    pub fn set(&mut self, settings: &ContainerSettings) {
        let ContainerSettings {
            autostart,
            ephemeral,
            hostname,
            dns_resolvers,
            nesting,
            seccomp_profile,
            init_cmd,
            raw_lxc,
            distribution,
            version,
            arch,
        } = settings.clone();
        self.autostart = autostart.or(self.autostart);
        self.ephemeral = ephemeral.unwrap_or(self.ephemeral);
        self.nesting = nesting.unwrap_or(self.nesting);
        take(&mut self.hostname, hostname);
        take(&mut self.seccomp_profile, seccomp_profile);
        take(&mut self.raw_lxc, raw_lxc);
        if let Some(resolvers) = dns_resolvers {
            self.dns_resolvers = resolvers;
        }
        if let Some(init) = init_cmd {
            self.init_cmd = init;
        }
        if let Some(distribution) = distribution {
            self.distribution = distribution;
        }
        if let Some(version) = version {
            self.version = version;
        }
        if let Some(arch) = arch {
            self.arch = arch;
        }
    }
}

fn take<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}
