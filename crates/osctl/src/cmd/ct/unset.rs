//! `osctl ct unset`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::ContainerUnset;
use os_api::command::container::ContainerSetting;
use os_types::ContainerName;

use crate::cmd::attr::UnsetAttr;
use crate::cmd::{Run, commands};
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

commands! {
    Unset {
        Autostart(Autostart),
        Ephemeral(Ephemeral),
        Hostname(Hostname),
        DnsResolver(DnsResolver),
        Nesting(Nesting),
        Seccomp(Seccomp),
        InitCmd(InitCmd),
        /// Change the configuration of LXC itself
        #[command(subcommand)]
        Raw(Raw),
        Attr(UnsetAttr<Ref<ContainerName>>),
    }
}

commands! {
    Raw {
        Lxc(RawLxc),
    }
}

/// Defines commands that return one setting to its default.
macro_rules! settings {
    ($($(#[$doc:meta])* $setting:ident = $example:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Args)]
        #[command(after_help = concat!("Example: osctl ct unset ", $example, " web"))]
        pub(crate) struct $setting {
            /// The container, [pool:]id
            #[arg(add = ArgValueCompleter::new(complete::containers))]
            id: Ref<ContainerName>,
        }

        impl Run for $setting {
            fn run(self, ctx: &mut Ctx) -> Outcome {
                let Ref { pool, name } = self.id.or_pool(ctx.pool());
                let setting = ContainerSetting::$setting;
                operation::run(ctx, ContainerUnset { pool, name, setting })
            }
        }
    )*};
}

settings! {
    /// Do not start it when its pool is imported
    Autostart = "autostart";
    /// Keep it when it stops
    Ephemeral = "ephemeral";
    /// Take its id as its host name again
    Hostname = "hostname";
    /// Leave its DNS resolvers to the guest
    DnsResolver = "dns-resolver";
    /// Forbid containers within, from its next start on
    Nesting = "nesting";
    /// Return to our seccomp policy, from its next start on
    Seccomp = "seccomp";
    /// Return to /sbin/init, from its next start on
    InitCmd = "init-cmd";
    /// Append no lines of LXC configuration, from its next start on
    RawLxc = "raw lxc";
}
