//! Objects outside a pool's configuration that are named after a container or a user are removed with it: directories
//! in the runtime directory, LXC's files, the log, control groups. Else the next container or user of that
//! name, which may be another tenant's, would find it.
//!
//! All of it is made again when it is needed. So a removal that fails is logged and fails no step.

use std::fs;
use std::io;
use std::path::Path;

use os_core::{ContainerDoc, layout};
use os_store::{FileError, document};
use os_sys::patience;
use os_types::{ContainerName, EntityRef, PoolName, PoolPath, UserName, chain};
use rustix::fs::{AtFlags, Mode, OFlags};

use super::LinuxHost;

impl LinuxHost {
    /// After the file of a container or user has changed: removes what belonged to the container as
    /// its file was before, if it is gone, or has another user or group by now.
    pub(super) fn sweep_after(&self, path: &PoolPath, before: Option<&str>, after: Option<&str>) {
        let (pool, name) = match layout::entity_of(path.pool(), path.relative()) {
            Some(EntityRef::Container { pool, name }) => (pool, name),
            Some(EntityRef::User { pool, name }) if after.is_none() => {
                if let Err(failure) = self.forget_mark(&pool, &name) {
                    tracing::warn!(%failure, "a mark of a deleted user is left");
                }
                return;
            }
            _ => return,
        };
        let parse = |text: Option<&str>| document::parse::<ContainerDoc>(text?).ok();
        let (before, doc) = (parse(before), parse(after));
        if after.is_none() {
            let run = layout::container_run_folder(&self.paths.run(), &pool, &name);
            note(&run, remove_tree(&run));
            let log = self.scopes.folder(&pool).join(layout::container_log(&name));
            note(&log, absent_is_fine(fs::remove_file(&log)));
        }
        let owner = |doc: &ContainerDoc| (doc.user.clone(), doc.group.clone());
        if let Some(before) = before
            && doc.as_ref().map(owner) != Some(owner(&before))
        {
            self.sweep_lxc(&pool, &name, &before);
        }
    }

    /// Removes LXC's files of a stopped container, and the control group of its user in its group,
    /// if no other container is in it.
    fn sweep_lxc(&self, pool: &PoolName, name: &ContainerName, doc: &ContainerDoc) {
        let home = layout::home(&self.paths.run(), pool, &doc.user);
        let lxc_path = layout::lxc_path(&home, &doc.group);
        let files = lxc_path.join(name.as_str());
        note(&files, remove_tree(&files));
        // LXC's lock is in a directory that the user can write: no link on the way is followed.
        let lock = Path::new(".run/lxc/lock").join(lxc_path.strip_prefix("/").unwrap_or(&lxc_path));
        let lock = lock.join(format!(".{name}"));
        note(&lock, unlink_below(&home, &lock));
        let cgroup = layout::user_cgroup(pool, &doc.group, &doc.user);
        self.remove_empty_cgroup(&cgroup);
    }

    /// Removes a control group with no group in it, in every hierarchy; another one stays.
    fn remove_empty_cgroup(&self, path: &str) {
        let Ok(path) = path.parse() else { return };
        for folder in self.cgroups().folders(&path) {
            // Refused by the kernel for a group that has processes or groups.
            drop(fs::remove_dir(folder));
        }
    }

    /// Removes the home of a system user that is gone, unless a container of the user runs: its
    /// monitor uses it.
    pub(super) fn sweep_home(&self, pool: &PoolName, user: &UserName) {
        let of_user = format!("/user.{user}/");
        let runs = self
            .runtime
            .containers()
            .into_iter()
            .any(|(of, live)| of.pool == *pool && live.cgroup.as_str().contains(&of_user));
        if !runs {
            let home = layout::home(&self.paths.run(), pool, user);
            note(&home, remove_tree(&home));
        }
    }
}

fn note<E: std::error::Error>(path: &Path, result: Result<(), E>) {
    if let Err(error) = result {
        tracing::warn!(
            ?path,
            error = chain(&error),
            "something of what was deleted is left"
        );
    }
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Removes a directory whose parent only root writes; follows no link in it. A process that is just
/// ending may still put a file into it.
pub(super) fn remove_tree(folder: &Path) -> Result<(), FileError> {
    let mut last = Ok(());
    let gone = patience::until(std::time::Duration::from_secs(2), || {
        last = os_store::remove_tree(folder);
        let again = |error: &FileError| error.source.kind() == io::ErrorKind::DirectoryNotEmpty;
        Ok::<_, FileError>((!last.as_ref().is_err_and(again)).then_some(()))
    });
    gone.and(last)
}

/// Removes a file below a directory of root, through directories of others without following a link.
fn unlink_below(root: &Path, file: &Path) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let unlinked = || {
        let mut folder = rustix::fs::open(root, flags, Mode::empty())?;
        for part in file.parent().unwrap_or(file) {
            folder = rustix::fs::openat(&folder, part, flags, Mode::empty())?;
        }
        rustix::fs::unlinkat(
            &folder,
            file.file_name().unwrap_or_default(),
            AtFlags::empty(),
        )
    };
    match unlinked() {
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(()),
        other => Ok(other?),
    }
}
