//! A file system whose server does not answer: FUSE, mounted and left alone.

use std::fs::File;
use std::io::{Read as _, Write as _, stderr};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// While it lives, a process that looks at something below its directory hangs. Then it gets an error.
#[derive(Debug)]
pub struct HungMount {
    at: PathBuf,
    /// The server's end, which nothing reads.
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

impl HungMount {
    /// As [`HungMount::over`], with a server that reads requests and answers none but the first. A process that
    /// waits for it cannot be killed: the kernel takes back only requests that no server has read.
    ///
    /// # Errors
    /// When this host has no FUSE.
    pub fn unkillable_over(directory: &Path) -> anyhow::Result<Self> {
        let mounted = Self::over(directory)?;
        let server = mounted.server.as_ref().context("it has a server")?;
        let mut server = server.try_clone()?;
        std::thread::spawn(move || {
            // Ends when the connection is aborted.
            let mut request = vec![0; 1 << 18];
            while let Ok(length) = server.read(&mut request) {
                if let Some(answer) = answer_of_init(&request[..length]) {
                    drop(server.write_all(&answer));
                }
            }
        });
        Ok(mounted)
    }
}

/// The answer to `FUSE_INIT`; none to other requests. *Source*: `linux/fuse.h`, version 7.31.
fn answer_of_init(request: &[u8]) -> Option<Vec<u8>> {
    const INIT: u32 = 26;
    let word = |at: usize| {
        Some(u32::from_ne_bytes(
            request.get(at..at + 4)?.try_into().ok()?,
        ))
    };
    if word(4)? != INIT {
        return None;
    }
    let mut answer = 80_u32.to_ne_bytes().to_vec();
    // No error, and the number of the request.
    answer.extend(0_u32.to_ne_bytes());
    answer.extend(request.get(8..16)?);
    // Version; no flags; the greatest write. Everything else is 0.
    for value in [7_u32, 31, 0, 0, 0, 4096] {
        answer.extend(value.to_ne_bytes());
    }
    answer.resize(80, 0);
    Some(answer)
}

impl Drop for HungMount {
    fn drop(&mut self) {
        // The kernel answers in place of a server that has closed its end, or that is cut off by force: its
        // thread may still read.
        drop(self.server.take());
        if let Err(error) = unmount(&self.at, UnmountFlags::FORCE | UnmountFlags::DETACH) {
            let at = self.at.display();
            drop(writeln!(stderr(), "{at} stays mounted: {error}"));
        }
    }
}
