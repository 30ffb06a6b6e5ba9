//! `osctl ct new`.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};
use clap_complete::ArgValueCompleter;
use os_api::command::ContainerNew;
use os_api::command::container::{ContainerSettings, RootSource};
use os_types::image::{Arch, DistVersion, Distribution, Variant, Vendor};
use os_types::{Code, ContainerName, DatasetName, Failure, GroupName, HostPath, UserName};

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::setting;
use crate::target::{Ref, host_path};

/// Create a container
///
/// Its root is a clone of an image file or of an image from a local repository, or it is left empty
/// and filled by hand. Without --user it gets a dedicated user, named after the container and deleted
/// with it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  osctl ct new --from-file debian.img web\n  \
    osctl ct new --distribution debian --version trixie web\n  \
    osctl ct new --skip-image --distribution alpine --version 3.20 --arch x86_64 web"
)]
pub(crate) struct New {
    /// The new container, [pool:]id
    id: Ref<ContainerName>,
    /// Its user; the default is one of its own
    #[arg(short, long, add = ArgValueCompleter::new(complete::users))]
    user: Option<UserName>,
    /// Its group [default: /default]
    #[arg(short, long, add = ArgValueCompleter::new(complete::groups))]
    group: Option<GroupName>,
    /// The dataset of its root, on the same pool [default: <pool>/ct/<id>]
    #[arg(long)]
    dataset: Option<DatasetName>,
    #[command(flatten)]
    root: RootArgs,
    #[command(flatten)]
    settings: SettingArgs,
}

/// What the root is made from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Image")]
struct RootArgs {
    /// An image archive
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, value_parser = host_path,
        conflicts_with_all = ["skip_image", "distribution", "version", "arch", "vendor", "variant",
            "repository"])]
    from_file: Option<HostPath>,
    /// Leave the root empty; needs --distribution, --version and --arch
    #[arg(long, requires_all = ["distribution", "version", "arch"],
        conflicts_with = "repository")]
    skip_image: bool,
    /// The distribution
    #[arg(long)]
    distribution: Option<Distribution>,
    /// Its version, or a tag of the repository [default: stable]
    #[arg(long, requires = "distribution")]
    version: Option<DistVersion>,
    /// The architecture; the default is that of the host
    #[arg(long, requires = "distribution")]
    arch: Option<Arch>,
    /// Vendor of the image; default: that of the repository
    #[arg(long, requires = "distribution")]
    vendor: Option<Vendor>,
    /// The variant of the image; the default is up to the repository
    #[arg(long, requires = "distribution")]
    variant: Option<Variant>,
    /// Directory of the repository; default: that of the host
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, value_parser = host_path, requires = "distribution")]
    repository: Option<HostPath>,
}

impl RootArgs {
    fn source(self) -> Result<RootSource, Failure> {
        if let Some(file) = &self.from_file {
            return Ok(RootSource::File { path: file.clone() });
        }
        let missing = || {
            let text = "a container is made from an image: --from-file or --distribution";
            Failure::new(Code::Name, text).next("osctl help ct new")
        };
        let distribution = self.distribution.ok_or_else(missing)?;
        match (self.skip_image, self.version, self.arch) {
            (true, Some(version), Some(arch)) => Ok(RootSource::Empty {
                distribution,
                version,
                arch,
                vendor: self.vendor,
                variant: self.variant,
            }),
            (_, version, arch) => Ok(RootSource::Repository {
                path: self.repository,
                distribution,
                version,
                arch,
                vendor: self.vendor,
                variant: self.variant,
            }),
        }
    }
}

/// The options made from the table of settings.
#[derive(Debug)]
struct SettingArgs(ArgMatches);

impl FromArgMatches for SettingArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self(matches.clone()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0 = matches.clone();
        Ok(())
    }
}

impl Args for SettingArgs {
    fn augment_args(command: Command) -> Command {
        setting::new_options(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        setting::new_options(command)
    }
}

impl SettingArgs {
    fn settings(mut self) -> Result<ContainerSettings, Failure> {
        let mut settings = ContainerSettings::default();
        for setting in setting::SETTINGS {
            settings.merge(&setting.read_option(&mut self.0)?);
        }
        Ok(settings)
    }
}

impl Run for New {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.id.or_pool(ctx.pool());
        let command = ContainerNew {
            pool,
            name,
            root: self.root.source()?,
            user: self.user,
            group: self.group,
            dataset: self.dataset,
            settings: self.settings.settings()?,
        };
        operation::run(ctx, command)
    }
}
