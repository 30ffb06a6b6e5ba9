//! Reading the end of a log that grows, and that another user may write to.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// The last bytes of a file, at most `limit` of them, and whether there are more before them.
///
/// # Errors
/// That of the system call that failed; `NotFound` if there is no such file.
pub fn read_end(path: &Path, limit: u64) -> io::Result<(Vec<u8>, bool)> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(limit)))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes, length > limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_log_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        File::create(&log).unwrap().set_len(1 << 40).unwrap();
        let (bytes, is_cut) = read_end(&log, 64 << 10).unwrap();
        assert_eq!((bytes.len(), is_cut), (64 << 10, true));
        read_end(&dir.path().join("none"), 64 << 10).unwrap_err();
    }
}
