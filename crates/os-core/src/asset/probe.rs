//! How assets are looked at.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use os_types::DatasetName;

use super::FileKind;

/// What reading a file showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Its kind.
    pub kind: FileKind,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its permissions.
    pub mode: u32,
}

/// The host, looked at. An error says why it could not be looked at.
pub trait Probe {
    /// The file at a path, not following a link; `None` if there is none.
    fn stat(&self, path: &Path) -> Result<Option<Stat>, String>;
    /// Whether a dataset exists.
    fn dataset_exists(&self, dataset: &DatasetName) -> Result<bool, String>;
    /// Those of `options` with which nothing is mounted at the path; `None` if nothing is at all.
    fn missing_options(
        &self,
        path: &Path,
        options: &[&'static str],
    ) -> Result<Option<Vec<&'static str>>, String>;
    /// Whether a file has a line.
    fn has_line(&self, file: &Path, line: &str) -> Result<bool, String>;
    /// Whether a control group exists, by its path from the top, e.g. `osctl/pool.tank`.
    fn cgroup_exists(&self, path: &str) -> Result<bool, String>;
    /// The processes in a control group that were killed and that the kernel holds, for people.
    fn held_processes(&self, path: &str) -> Result<Option<String>, String>;
}

/// [`Probe::stat`] by the system call.
///
/// # Errors
/// When the system refuses.
pub fn stat(path: &Path) -> Result<Option<Stat>, String> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let file_type = metadata.file_type();
    let kind = if file_type.is_dir() {
        FileKind::Directory
    } else if file_type.is_file() {
        FileKind::File
    } else if file_type.is_symlink() {
        FileKind::Symlink
    } else if file_type.is_socket() {
        FileKind::Socket
    } else {
        FileKind::Other
    };
    Ok(Some(Stat {
        kind,
        uid: metadata.uid(),
        gid: metadata.gid(),
        mode: metadata.mode() & 0o7777,
    }))
}

/// The lines of a text file, for [`Probe::has_line`]: a probe that is asked for thousands of lines
/// keeps them in a set. A file that does not exist has none.
///
/// # Errors
/// When the system refuses.
pub fn lines(file: &Path) -> Result<Vec<String>, String> {
    match fs::read(file) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            Ok(text.lines().map(ToOwned::to_owned).collect())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    }
}
