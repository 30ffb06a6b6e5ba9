//! Removing a directory tree that another user may have shaped.
//!
//! `std::fs::remove_dir_all` goes down one stack frame and one descriptor for each level, and a user can make
//! thousands of levels. Here each directory is emptied into the top one: what is nested deeper moves up
//! before its parent is removed, so two descriptors suffice for any depth.

use std::ffi::{CString, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::error::{Action, FileError};
use crate::folder::Entry;

/// How often a tree is emptied again because a process put something into it meanwhile.
const ATTEMPTS: usize = 16;

/// Removes a directory with everything in it, or a file; nothing is done if there is none. Symlinks are
/// removed, never followed, except in the parts of `path` above its last one, which have to be root's.
///
/// # Errors
/// That of the system call that failed: `ENOTEMPTY` if something is put into the tree all the time,
/// `EBUSY` for a mount point.
pub fn remove_tree(path: &Path) -> Result<(), FileError> {
    let entry = match Entry::locate(path) {
        Err(error) if error.is_not_found() => return Ok(()),
        located => located?,
    };
    remove(&entry.folder.fd, &entry.name)
        .map_err(|errno| FileError::new(Action::Remove, path, errno))
}

fn remove(parent: &OwnedFd, name: &OsString) -> Result<(), Errno> {
    for _ in 0..ATTEMPTS {
        match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::ISDIR) => {}
            Err(errno) => return Err(errno),
        }
        let top = match open(parent, name) {
            Err(Errno::NOENT) => return Ok(()),
            opened => opened?,
        };
        empty(&top)?;
        match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::NOTEMPTY | Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::NOTEMPTY)
}

/// Removes what is in the top directory. What is in directories below it is moved up first.
fn empty(top: &OwnedFd) -> Result<(), Errno> {
    let mut moved = 0_u64;
    for name in names(top)? {
        let mut directories = vec![name];
        while let Some(name) = directories.pop() {
            match rustix::fs::unlinkat(top, &name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => continue,
                Err(Errno::ISDIR) => {}
                Err(errno) => return Err(errno),
            }
            let directory = match open(top, &name) {
                // Somebody has removed it, or made it something else: the next attempt sees.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
                opened => opened?,
            };
            for child in names(&directory)? {
                match rustix::fs::unlinkat(&directory, &child, AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(Errno::ISDIR) => {
                        directories.extend(move_up(&directory, &child, top, &mut moved)?);
                    }
                    Err(errno) => return Err(errno),
                }
            }
            match rustix::fs::unlinkat(top, &name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::NOTDIR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    Ok(())
}

/// Moves a directory into the top one, unless it is empty and can be removed. Returns its new name.
fn move_up(
    from: &OwnedFd,
    name: &CString,
    top: &OwnedFd,
    moved: &mut u64,
) -> Result<Option<CString>, Errno> {
    match rustix::fs::unlinkat(from, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => return Ok(None),
        Err(Errno::NOTEMPTY | Errno::EXIST) => {}
        Err(errno) => return Err(errno),
    }
    loop {
        *moved += 1;
        let free = CString::new(format!(".removed-{moved}")).unwrap_or_default();
        match rustix::fs::renameat_with(from, name, top, &free, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(Some(free)),
            Err(Errno::EXIST) => {}
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno),
        }
    }
}

fn open(parent: impl AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// The names in a directory, without `.` and `..`.
fn names(directory: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_tree_goes_and_what_its_links_lead_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, kept) = (dir.path().join("tree"), dir.path().join("kept"));
        fs::create_dir_all(tree.join("a/b/c")).unwrap();
        fs::create_dir_all(tree.join("a/.removed-1/d")).unwrap();
        fs::create_dir_all(tree.join(".removed-1/e")).unwrap();
        fs::create_dir(&kept).unwrap();
        fs::File::create(kept.join("file")).unwrap();
        fs::File::create(tree.join("a/b/c/file")).unwrap();
        symlink(&kept, tree.join("a/b/link")).unwrap();
        symlink(&kept, tree.join("link")).unwrap();
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
        assert!(kept.join("file").exists());
        remove_tree(&tree).unwrap();
        remove_tree(&tree.join("a/b")).unwrap();
        symlink(&kept, &tree).unwrap();
        remove_tree(&tree).unwrap();
        assert!(kept.join("file").exists() && !tree.is_symlink());
    }

    #[test]
    fn depth_costs_no_stack_and_no_descriptors() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("deep");
        fs::create_dir(&top).unwrap();
        let mut at = open(rustix::fs::CWD, &top).unwrap();
        for _ in 0..5_000 {
            rustix::fs::mkdirat(&at, "d", Mode::from_raw_mode(0o700)).unwrap();
            at = open(&at, "d").unwrap();
        }
        let small = std::thread::Builder::new().stack_size(128 << 10);
        let removing = small.spawn({
            let top = top.clone();
            move || remove_tree(&top)
        });
        removing.unwrap().join().unwrap().unwrap();
        assert!(!top.exists());
    }
}
