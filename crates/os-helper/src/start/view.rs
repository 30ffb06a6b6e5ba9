//! The monitor's view of the host.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use os_helper_api::StartJob;
use os_lxc::{ConfigPath, Stage};
use os_sys::MountEntry;

use super::StartError;
use super::sources::Sources;

/// What LXC needs of any host, with all that is mounted below: the kernel's file systems, and where
/// programs and their libraries are.
const NEEDED: [&str; 11] = [
    "/proc",
    "/sys",
    "/dev",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/etc",
    "/nix/store",
    "/gnu/store",
];

/// Puts everything where the configuration says that it is.
pub(super) fn attach(stage: &Stage, sources: Sources) -> Result<(), StartError> {
    os_sys::mount_stage(stage.folder().as_path())?;
    folder(&stage.root())?;
    folder(&stage.mount())?;
    file(&stage.log())?;
    file(&stage.helper())?;
    sources.root.attach(stage.root().as_path())?;
    // Scripts of the administrator mount into a copy of it (ADR-14).
    os_sys::share_mount(stage.root().as_path())?;
    sources.log.attach(stage.log().as_path())?;
    sources.helper.attach(stage.helper().as_path())?;
    for (hidden, copy) in sources.accounts {
        copy.attach(&hidden)?;
    }
    Ok(())
}

fn folder(path: &ConfigPath) -> Result<(), StartError> {
    let made = DirBuilder::new().mode(0o711).create(path);
    made.map_err(|source| stage_error(path, source))
}

/// Only to have something to mount on.
fn file(path: &ConfigPath) -> Result<(), StartError> {
    let options = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .clone();
    let made = options.open(path).map(|_: File| ());
    made.map_err(|source| stage_error(path, source))
}

fn stage_error(path: &ConfigPath, source: std::io::Error) -> StartError {
    StartError::Stage {
        path: path.as_path().to_owned(),
        source,
    }
}

/// Detaches every other mount, so that the container does not keep them busy.
pub(super) fn let_go(stage: &Stage, job: &StartJob) -> Result<(), StartError> {
    let trees: Vec<&Path> = NEEDED
        .iter()
        .map(Path::new)
        .chain(job.keep.iter().map(PathBuf::as_path))
        .chain([job.stage.as_path()])
        .collect();
    let folders = [
        job.lxc_path.as_path(),
        job.lxc_program.as_path(),
        job.home.as_path(),
        job.runtime_dir.as_path(),
    ];
    let on_the_way = |entry: &MountEntry| {
        let wanted = trees.iter().chain(&folders);
        wanted
            .into_iter()
            .any(|path| path.starts_with(&entry.mount_point))
    };
    let inside = |entry: &MountEntry| trees.iter().any(|tree| entry.mount_point.starts_with(tree));
    let keep = |entry: &MountEntry| on_the_way(entry) || inside(entry);
    // LXC mounts there later.
    os_sys::detach_mounts(stage.mount().as_path(), keep)?;
    Ok(())
}
