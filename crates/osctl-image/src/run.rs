//! What the commands do.

use std::time::Instant;

use os_cmd::HostRunner;
use os_image::Archive;
use os_image::archive::{Identity, write};
use os_image::build::{DebianSuite, busybox, debian};
use os_image::import::{self, ImportError, Imported, LeftOut};
use os_image::repository::Repository;
use os_types::Failure;
use os_types::image::{Arch, ImageConfig, ImageInfo};
use serde_json::json;

use crate::args::{Build, Command, Import, Output, Suite};
use crate::output::{self, Progress, Told, note};
use crate::show;

pub(crate) fn run(command: Command, json: bool) -> Result<(), Failure> {
    match command {
        Command::Build { what } => build(what, json),
        Command::Import(what) => import(&what, json),
        Command::Verify { file } => {
            let archive = verify(&file)?;
            if json {
                return show::image(archive.info(), archive.metadata(), json);
            }
            let parts = archive.metadata().parts.len();
            note(&format!("{}: good, {parts} part(s)", file.display()));
            Ok(())
        }
        Command::Show { file } => {
            let archive = Archive::open(&file)?;
            show::image(archive.info(), archive.metadata(), json)
        }
        Command::Deploy {
            tags,
            file,
            repository,
        } => {
            let progress = progress("checking", &Archive::open(&file)?);
            let repository = Repository::new(&repository);
            let info = repository.add(&file, &tags, &|bytes| progress.add(bytes));
            drop(progress);
            done(&info?, json)
        }
        Command::Ls { repository } => {
            let index = Repository::new(repository).index()?;
            show::repository(&index, json)
        }
    }
}

/// Progress of reading all parts of an archive.
fn progress(what: &'static str, archive: &Archive) -> Progress {
    let parts = archive.metadata().parts.iter();
    // A root is counted as it is unpacked: with its headers it is somewhat more.
    Progress::new(what, Some(parts.map(|part| part.unpacked_bytes).sum()))
}

fn verify(file: &std::path::Path) -> Result<Archive, Failure> {
    let check = || {
        let archive = Archive::open(file)?;
        let progress = progress("checking", &archive);
        archive.verify(&|bytes| progress.add(bytes))?;
        Ok(archive)
    };
    check().map_err(|error: os_image::ArchiveError| {
        let mut failure = Failure::from(error);
        // It was just done.
        failure.next = failure.next.filter(|next| !next.contains(" verify "));
        failure
    })
}

fn build(what: Build, json: bool) -> Result<(), Failure> {
    let runner = HostRunner::new();
    let began = Instant::now();
    let info = match what {
        Build::Debian { version, output } => {
            let suite = match version {
                Suite::Bookworm => DebianSuite::Bookworm,
                Suite::Trixie => DebianSuite::Trixie,
            };
            let (number, name) = (suite.number(), suite.codename());
            note(&format!(
                "building Debian {number} ({name}), a few minutes..."
            ));
            let identity = identity("debian", suite.number(), &output)?;
            debian(&runner, suite, &output.file, &identity)
        }
        Build::Busybox { output } => {
            let identity = identity("busybox", "1", &output)?;
            busybox(&runner, &output.file, &identity)
        }
    };
    done(&info?, json)?;
    note(&format!("took {:.1} s", began.elapsed().as_secs_f64()));
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

fn import(what: &Import, json: bool) -> Result<(), Failure> {
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
    let progress = Progress::new("importing", None);
    let info = write(&what.output.file, &identity, |out| {
        let out = &mut Told(out, &progress);
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
    drop(progress);
    let info = info.map_err(|error| {
        let failure = Failure::from(error);
        match failure.code {
            // A root of its own in a directory is the usual reason.
            _ if failure.next.is_some() => failure,
            os_types::Code::NotFound => failure,
            _ => failure.next("osctl-image import --help"),
        }
    })?;
    done(&info, json)?;
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
        note(&format!(
            "left out: {nodes} device node(s) and socket(s); containers get their own"
        ));
    }
    if *xattrs > 0 {
        note(&format!(
            "left out: {xattrs} extended attribute(s) that belong to a host"
        ));
    }
    if *mounts > 0 {
        note(&format!(
            "left out: file systems mounted at {mounts} directories"
        ));
    }
}

/// Says what was made: for people on standard error, for programs on standard output.
fn done(info: &ImageInfo, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(&json!(info));
    }
    let size = os_types::ByteSize(info.root_bytes);
    note(&format!(
        "{} {} {}, {size} unpacked, digest {}",
        info.distribution,
        info.version,
        info.arch,
        info.digest.short()
    ));
    Ok(())
}
