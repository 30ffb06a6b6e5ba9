//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use os_types::image::{Arch, DistVersion, Distribution, Variant, Vendor};

/// Build, check and import images of containers
///
/// An image is one file. `osctl ct new --from-archive FILE` makes a container from it; a directory of
/// images is a repository, made by `deploy`.
#[derive(Debug, Parser)]
#[command(
    name = "osctl-image",
    version,
    infer_subcommands = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "`osctl help <E-CODE>` explains an error, `osctl help exit-codes` the exit codes."
)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(short, long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build an image on this machine
    Build {
        /// What to build
        #[command(subcommand)]
        what: Build,
    },
    /// Make an image from a root tarball or directory, as distributions publish them
    #[command(
        after_help = "Example:\n  osctl-image import alpine-minirootfs.tar.gz \
        --distribution alpine --version 3.20 -o alpine.img"
    )]
    Import(Import),
    /// Check every part of an image
    ///
    /// Reads all of it: are the checksums right, and is there nothing in the root that osctld would
    /// refuse to unpack? Nothing is written.
    Verify {
        /// The image
        file: PathBuf,
    },
    /// Show what an image is
    #[command(visible_alias = "info")]
    Show {
        /// The image
        file: PathBuf,
    },
    /// Put an image into a repository directory, which is made if it is not there
    Deploy {
        /// Another name of this version, e.g. stable; moves away from other versions
        #[arg(short, long = "tag", value_name = "TAG")]
        tags: Vec<DistVersion>,
        /// The image
        file: PathBuf,
        /// The directory
        repository: PathBuf,
    },
    /// List the images of a repository directory
    Ls {
        /// The directory
        repository: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Build {
    /// Debian with systemd, by mmdebstrap from the mirror that apt on this machine uses
    Debian {
        /// Its release
        #[arg(long, value_enum, default_value = "trixie")]
        version: Suite,
        #[command(flatten)]
        output: Output,
    },
    /// Busybox alone: tiny, for tests; from the machine's busybox-static
    Busybox {
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Suite {
    /// Debian 12
    #[value(alias = "12")]
    Bookworm,
    /// Debian 13
    #[value(alias = "13")]
    Trixie,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Output {
    /// The image to write; one that is there is replaced
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Vendor of the image
    #[arg(long, default_value = "vpsadminos")]
    pub(crate) vendor: Vendor,
    /// Which of the vendor's images it is
    #[arg(long, default_value = "minimal")]
    pub(crate) variant: Variant,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    /// A tarball (plain, gzip, xz or zstd) or a directory
    pub(crate) source: PathBuf,
    /// The distribution, e.g. alpine
    #[arg(long)]
    pub(crate) distribution: Distribution,
    /// Its version, e.g. 3.20
    #[arg(long)]
    pub(crate) version: DistVersion,
    /// Its architecture [default: this machine's]
    #[arg(long)]
    pub(crate) arch: Option<Arch>,
    /// The init and its arguments, if not /sbin/init
    #[arg(long, num_args = 1.., value_name = "ARG", allow_hyphen_values = true, value_terminator = ";")]
    pub(crate) init_cmd: Vec<String>,
    /// Remove this number of leading directories from each path of a tarball
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) strip_components: usize,
    #[command(flatten)]
    pub(crate) output: Output,
}
