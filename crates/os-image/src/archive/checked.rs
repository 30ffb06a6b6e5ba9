//! A stream whose length and digest are known beforehand.

use std::io::{self, Read};

use os_types::image::ImageDigest;
use sha2::{Digest as _, Sha256};

use crate::metadata::{Part, hex};

/// Reads a part, and fails at its end if it is not what the metadata says.
#[derive(Debug)]
pub struct Checked<R> {
    inner: R,
    left: u64,
    digest: Option<Sha256>,
    expected: ImageDigest,
    name: String,
}

impl<R: Read> Checked<R> {
    /// `inner` as the part `part`.
    pub fn new(inner: R, part: &Part) -> Self {
        Self {
            inner,
            left: part.size,
            digest: Some(Sha256::new()),
            expected: part.sha256.clone(),
            name: part.name.clone(),
        }
    }
}

impl<R> Checked<R> {
    fn damaged(&self, why: &str) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("part {} of the image {why}", self.name),
        )
    }

    /// At the end: is it what it should be? Once only.
    fn check(&mut self) -> io::Result<()> {
        let found = self.digest.take().map(|digest| hex(&digest.finalize()));
        if found.is_some_and(|found| found != self.expected) {
            return Err(self.damaged("has a wrong checksum"));
        }
        Ok(())
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX);
        let want = want.min(buffer.len());
        let Some(window) = buffer.get_mut(..want) else {
            return Ok(0);
        };
        if self.left > 0 && !window.is_empty() {
            let read = self.inner.read(window)?;
            if read == 0 {
                return Err(self.damaged("is cut short"));
            }
            self.left = self.left.saturating_sub(read as u64);
            if let (Some(digest), Some(bytes)) = (&mut self.digest, window.get(..read)) {
                digest.update(bytes);
            }
            if self.left > 0 {
                return Ok(read);
            }
            return self.check().map(|()| read);
        }
        if self.left == 0 {
            self.check()?;
        }
        Ok(0)
    }
}
