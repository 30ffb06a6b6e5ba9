//! Files of a group that are read again and again, and so stay open.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::CgroupError;
use crate::files::is_gone;

/// The longest text that is read. The kernel gives one that is shorter whole to a single read.
const LIMIT: usize = 4096;

/// The files of one group that were read before, by path.
///
/// Opening a file of a cgroup file system takes ten times as long as reading it. Each open file costs
/// a descriptor and some 5 KiB in the kernel. It does not keep its group from being removed: then
/// reading it fails, also when a group of the same name has been made since.
#[derive(Debug, Default)]
pub struct OpenFiles(Mutex<BTreeMap<PathBuf, File>>);

impl OpenFiles {
    /// The text of a file; None if the group or the file is not there.
    pub(crate) fn read(&self, path: &Path) -> Result<Option<String>, CgroupError> {
        let failed = |error| CgroupError::file("read", path, error);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(path) {
            match text(file) {
                Err(error) if is_gone(&error) => drop(open.remove(path)),
                read => return read.map(Some).map_err(failed),
            }
        }
        let read = File::open(path).and_then(|file| Ok((text(&file)?, file)));
        match read {
            Ok((text, file)) => {
                open.insert(path.to_owned(), file);
                Ok(Some(text))
            }
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

fn text(file: &File) -> io::Result<String> {
    let mut bytes = [0; LIMIT];
    let length = file.read_at(&mut bytes, 0)?;
    let text = bytes.get(..length).unwrap_or_default().to_vec();
    String::from_utf8(text).map_err(io::Error::other)
}
