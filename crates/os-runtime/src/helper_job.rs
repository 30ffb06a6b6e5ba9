//! A job for `os-helper`, as JSON in a file without a name.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;

use os_types::Failure;
use rustix::fs::MemfdFlags;
use serde::Serialize;

use crate::failure;

/// The file, to be inherited by the helper: arguments would be readable for everybody.
pub(crate) fn file(job: &impl Serialize) -> Result<OwnedFd, Failure> {
    let failed = || failure::while_doing("write a job for os-helper");
    let memory = rustix::fs::memfd_create("job", MemfdFlags::CLOEXEC);
    let mut memory = File::from(memory.map_err(std::io::Error::from).map_err(failed())?);
    serde_json::to_writer(&memory, job)
        .map_err(std::io::Error::from)
        .and_then(|()| memory.flush())
        .map_err(failed())?;
    Ok(memory.into())
}
