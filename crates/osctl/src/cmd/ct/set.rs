//! `osctl ct set`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::ContainerSet;
use os_api::command::container::{ContainerSettings, Hostname};
use os_types::image::{Arch, DistVersion, Distribution};
use os_types::{Autostart as When, ContainerName};

use super::config::standard_input;
use super::new::absolute;
use crate::cmd::attr::SetAttr;
use crate::cmd::{Run, commands};
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

commands! {
    Set {
        Autostart(Autostart),
        Ephemeral(Ephemeral),
        Hostname(SetHostname),
        DnsResolver(DnsResolver),
        Nesting(Nesting),
        Distribution(SetDistribution),
        Seccomp(Seccomp),
        InitCmd(InitCmd),
        /// Change the configuration of LXC itself
        #[command(subcommand)]
        Raw(Raw),
        Attr(SetAttr<Ref<ContainerName>>),
    }
}

commands! {
    Raw {
        Lxc(RawLxc),
    }
}

fn set(ctx: &mut Ctx, id: Ref<ContainerName>, settings: ContainerSettings) -> Outcome {
    let Ref { pool, name } = id.or_pool(ctx.pool());
    let command = ContainerSet {
        pool,
        name,
        settings,
    };
    operation::run(ctx, command)
}

/// Start it when its pool is imported
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct set autostart -p 10 web")]
pub(crate) struct Autostart {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
    /// Lower numbers start first
    #[arg(short, long, value_name = "NUMBER", default_value = "1000")]
    priority: u32,
    /// Wait so long after its start before the next one, on a host with much to do
    #[arg(short, long, value_name = "SECONDS", default_value = "5")]
    delay: u32,
}

impl Run for Autostart {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let settings = ContainerSettings {
            autostart: Some(When {
                priority: self.priority,
                delay_s: self.delay,
            }),
            ..ContainerSettings::default()
        };
        set(ctx, self.id, settings)
    }
}

/// Delete it when it stops
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct set ephemeral web")]
pub(crate) struct Ephemeral {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
}

impl Run for Ephemeral {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let settings = ContainerSettings {
            ephemeral: Some(true),
            ..ContainerSettings::default()
        };
        set(ctx, self.id, settings)
    }
}

/// Give it a host name
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct set hostname web www.example.org")]
pub(crate) struct SetHostname {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
    /// The name, with or without a domain
    hostname: Hostname,
}

impl Run for SetHostname {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let settings = ContainerSettings {
            hostname: Some(self.hostname),
            ..ContainerSettings::default()
        };
        set(ctx, self.id, settings)
    }
}

/// Give it DNS resolvers, instead of those it has
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct set dns-resolver web 192.0.2.53 2001:db8::53")]
pub(crate) struct DnsResolver {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
    /// Their addresses
    #[arg(required = true)]
    addresses: Vec<IpAddr>,
}

impl Run for DnsResolver {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let settings = ContainerSettings {
            dns_resolvers: Some(self.addresses),
            ..ContainerSettings::default()
        };
        set(ctx, self.id, settings)
    }
}

/// Allow containers within, from its next start on
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct set nesting web")]
pub(crate) struct Nesting {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
}

impl Run for Nesting {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let settings = ContainerSettings {
            nesting: Some(true),
            ..ContainerSettings::default()
        };
        set(ctx, self.id, settings)
    }
}

/// Say which distribution it has, after an upgrade within
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
}

impl Run for SetDistribution {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let settings = ContainerSettings {
            distribution: Some(self.distribution),
            version: Some(self.version),
            arch: self.arch,
            ..ContainerSettings::default()
        };
        set(ctx, self.id, settings)
    }
}

/// Give it another seccomp policy of LXC, from its next start on
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct set seccomp web /etc/osctl/strict.seccomp")]
pub(crate) struct Seccomp {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
    /// The file of the policy; it is read at each start
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
}

impl Run for Seccomp {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let settings = ContainerSettings {
            seccomp_profile: Some(absolute(&self.file)?),
            ..ContainerSettings::default()
        };
        set(ctx, self.id, settings)
    }
}

/// Give it another init, from its next start on
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct set init-cmd web /sbin/init --log-level=debug")]
pub(crate) struct InitCmd {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
    /// Its path in the container, and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl Run for InitCmd {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let settings = ContainerSettings {
            init_cmd: Some(self.command),
            ..ContainerSettings::default()
        };
        set(ctx, self.id, settings)
    }
}

/// Append lines of LXC configuration to ours, from its next start on
///
/// They are read from standard input, and replace those that were set before.
#[derive(Debug, Args)]
#[command(after_help = "Example: echo 'lxc.mount.auto = cgroup:ro' | osctl ct set raw lxc web")]
pub(crate) struct RawLxc {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
}

impl Run for RawLxc {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let settings = ContainerSettings {
            raw_lxc: Some(standard_input()?),
            ..ContainerSettings::default()
        };
        set(ctx, self.id, settings)
    }
}
