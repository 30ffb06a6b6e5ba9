//! What the commands do.

use std::time::Instant;

use os_cmd::HostRunner;
use os_image::archive::{Identity, write};
use os_image::build::{DebianSuite, busybox, debian};
use os_image::import::{self, ImportError, Imported, LeftOut};
use os_image::repository::Repository;
use os_types::image::{Arch, ImageConfig, ImageInfo};
use os_types::{Explain, Failure};

use crate::args::{Build, Command, Import, Output, Suite};
use crate::show;

pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Build { what } => build(what),
        Command::Import(what) => import(&what),
        Command::Verify { file } => {
            let metadata = os_image::verify(&file).map_err(refuse)?;
            note!("{}: good, {} part(s)", file.display(), metadata.parts.len());
            Ok(())
        }
        Command::Show { file, json } => {
            let archive = os_image::Archive::open(&file).map_err(refuse)?;
            show::image(archive.info(), archive.metadata(), json)
        }
        Command::Deploy {
            tags,
            file,
            repository,
        } => {
            let info = Repository::new(&repository).add(&file, &tags);
            done(&info.map_err(refuse)?);
            Ok(())
        }
        Command::Ls { repository, json } => {
            let index = Repository::new(repository).index().map_err(refuse)?;
            show::repository(&index, json)
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "so that it can be named where an error is mapped"
)]
fn refuse(error: impl Explain) -> Failure {
    Failure::from(&error)
}

fn build(what: Build) -> Result<(), Failure> {
    let runner = HostRunner::new();
    let began = Instant::now();
    let info = match what {
        Build::Debian { version, output } => {
            let suite = match version {
                Suite::Bookworm => DebianSuite::Bookworm,
                Suite::Trixie => DebianSuite::Trixie,
            };
            note!(
                "building Debian {} ({})...",
                suite.number(),
                suite.codename()
            );
            let identity = identity("debian", suite.number(), &output)?;
            debian(&runner, suite, &output.file, &identity)
        }
        Build::Busybox { output } => {
            let identity = identity("busybox", "1", &output)?;
            busybox(&runner, &output.file, &identity)
        }
    };
    let info = info.map_err(refuse)?;
    done(&info);
    note!("took {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

fn identity(distribution: &str, version: &str, output: &Output) -> Result<Identity, Failure> {
    Ok(Identity {
        distribution: distribution.parse()?,
        version: version.parse()?,
        arch: host_arch()?,
        vendor: output.vendor.clone(),
        variant: output.variant.clone(),
        config: ImageConfig::default(),
    })
}

/// The architecture of this machine, uname(2).
fn host_arch() -> Result<Arch, Failure> {
    let uname = rustix::system::uname();
    Ok(uname.machine().to_string_lossy().parse()?)
}

fn import(what: &Import) -> Result<(), Failure> {
    let identity = Identity {
        distribution: what.distribution.clone(),
        version: what.version.clone(),
        arch: what.arch.clone().map_or_else(host_arch, Ok)?,
        vendor: what.output.vendor.clone(),
        variant: what.output.variant.clone(),
        config: ImageConfig {
            init_cmd: what.init_cmd.clone(),
        },
    };
    let mut left_out = LeftOut::default();
    let info = write(&what.output.file, &identity, |out| {
        let Imported {
            measure,
            left_out: left,
        } = if what.source.is_dir() {
            import::folder(&what.source, out)?
        } else {
            import::tarball(&what.source, what.strip_components, out)?
        };
        left_out = left;
        Ok::<_, ImportError>(measure)
    });
    done(&info.map_err(refuse)?);
    tell(&left_out);
    Ok(())
}

/// Says what is not in the image.
fn tell(left_out: &LeftOut) {
    let LeftOut {
        nodes,
        xattrs,
        mounts,
    } = left_out;
    if *nodes > 0 {
        note!("left out: {nodes} device node(s) and socket(s); containers get their own");
    }
    if *xattrs > 0 {
        note!("left out: {xattrs} extended attribute(s) that belong to a host");
    }
    if *mounts > 0 {
        note!("left out: what is mounted at {mounts} folder(s)");
    }
}

fn done(info: &ImageInfo) {
    let size = os_types::ByteSize(info.root_bytes);
    note!(
        "{} {} {}, {size} unpacked, digest {}",
        info.distribution,
        info.version,
        info.arch,
        info.digest.short()
    );
}
