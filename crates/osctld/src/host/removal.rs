//! Files and directories of a pool that a plan removes go at its end.
//!
//! On a full pool nothing can be created, so what a step had removed could not be put back when a
//! later step of its operation fails. Therefore the steps only take a file out of use, and the rollback
//! finds it in its place; removing needs no space, and is done when every step has succeeded.
//! After a crash in between, recovery finds the open journal before it loads the pool, and ends here
//! as well (ADR-18). The ids of a pool that the plan forgets are released here, too.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use os_store::atomic;
use os_types::{Code, Failure, Plan, Presence, Step};

use super::{LinuxHost, directory};

/// Removes the files and directories that do not exist after the plan, and then what is named after
/// a container or user whose file is among them; releases the ids of pools that are forgotten.
pub(super) fn complete(host: &LinuxHost, plan: &Plan) -> Result<(), Failure> {
    let removed = removed(host, plan);
    for (path, (is_file, _)) in &removed {
        if !is_file {
            check_directory(path, &removed)?;
        }
    }
    let mut removed: Vec<_> = removed.into_iter().collect();
    removed.sort_by_key(|(_, (_, number))| *number);
    for (path, (is_file, _)) in &removed {
        match if *is_file {
            atomic::remove(path)
        } else {
            atomic::remove_dir(path)
        } {
            Err(error) if !error.is_not_found() => return Err(error.into()),
            _ => {}
        }
    }
    // No step can fail any more, so no rollback needs the file.
    for (_, (_, number)) in &removed {
        if let Some(Step::File(step)) = plan.steps.get(*number) {
            host.sweep_after(&step.path, step.before.as_deref(), None);
        }
    }
    for step in &plan.steps {
        if let Step::PoolSource(step) = step
            && step.after.is_none()
        {
            host.forget_ids(&step.pool);
        }
    }
    Ok(())
}

/// Paths that the plan removes and does not create again: whether it is a file, and the number of
/// the step.
type Removed = BTreeMap<PathBuf, (bool, usize)>;

fn removed(host: &LinuxHost, plan: &Plan) -> Removed {
    let mut removed = Removed::new();
    for (number, step) in plan.steps.iter().enumerate() {
        let (path, is_file, is_removed) = match step {
            Step::File(step) => (&step.path, true, step.after.is_none()),
            Step::Directory(step) => (&step.path, false, step.to == Presence::Absent),
            _ => continue,
        };
        let path = host.locate(path);
        if is_removed {
            removed.insert(path, (is_file, number));
        } else {
            removed.remove(&path);
        }
    }
    removed
}

/// Refuses to remove a directory with something in it that the plan does not remove, before anything
/// is removed.
fn check_directory(path: &std::path::Path, removed: &Removed) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let text = format!("cannot list {}: {error}", path.display());
        Failure::new(Code::File, text)
    };
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        if !removed.contains_key(&entry.map_err(failed)?.path()) {
            return Err(directory::not_empty(path));
        }
    }
    Ok(())
}
