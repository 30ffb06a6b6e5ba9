//! A file system whose server does not answer: FUSE, mounted and left alone.

use std::fs::File;
use std::io::{Write as _, stderr};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// While it lives, whoever looks at something below its directory hangs. Then they get an error.
#[derive(Debug)]
pub struct HungMount {
    at: PathBuf,
    /// The server's end; nobody reads it.
    server: Option<File>,
}

impl HungMount {
    /// Mounts it over a directory.
    ///
    /// # Errors
    /// When this host has no FUSE.
    pub fn over(directory: &Path) -> anyhow::Result<Self> {
        let server = File::options()
            .read(true)
            .write(true)
            .open("/dev/fuse")
            .context("this host has no /dev/fuse")?;
        let options = format!(
            "fd={},rootmode=40000,user_id=0,group_id=0",
            server.as_raw_fd()
        );
        let options = std::ffi::CString::new(options)?;
        mount(
            "hung",
            directory,
            "fuse",
            MountFlags::empty(),
            Some(&*options),
        )
        .with_context(|| format!("cannot mount over {}", directory.display()))?;
        Ok(Self {
            at: directory.to_owned(),
            server: Some(server),
        })
    }
}

impl Drop for HungMount {
    fn drop(&mut self) {
        // The kernel answers in place of a server that has closed its end.
        drop(self.server.take());
        if let Err(error) = unmount(&self.at, UnmountFlags::DETACH) {
            let at = self.at.display();
            drop(writeln!(stderr(), "{at} stays mounted: {error}"));
        }
    }
}
