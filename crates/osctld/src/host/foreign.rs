//! What the account files say outside our blocks, read again when a file is another.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use os_core::facts::ForeignIds;
use os_types::Failure;

use super::account_lines::AccountTexts;

/// A file that changed so short a time ago may change once more without looking changed: some
/// kernels tell times in ticks of up to 10 ms.
const SETTLED: Duration = Duration::from_secs(1);

/// The files, and what they said when they were read.
#[derive(Debug)]
pub(super) struct Foreign {
    etc: PathBuf,
    /// The directory that homes of our system users are below.
    pools: PathBuf,
    read: Mutex<Option<(Stamps, Outside)>>,
}

type Stamps = [Stamp; 4];

/// Ids of everybody else, and what is wrong with the markers around our lines.
pub(super) type Outside = (Arc<ForeignIds>, Arc<Vec<String>>);

/// What tells two contents of a file apart; all zero if there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Foreign {
    /// The files in the directory `etc`.
    pub(super) fn new(etc: &Path, pools: PathBuf) -> Self {
        Self {
            etc: etc.to_path_buf(),
            pools,
            read: Mutex::default(),
        }
    }

    /// What they say at this moment.
    pub(super) fn now(&self) -> Result<Outside, Failure> {
        // Before reading: a change in between is then found the next time.
        let stamps =
            ["passwd", "group", "subuid", "subgid"].map(|name| stamp(&self.etc.join(name)));
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, outside)) = &*read
            && *known == stamps
        {
            return Ok(outside.clone());
        }
        let AccountTexts { others, damage, .. } = AccountTexts::read(&self.etc, &self.pools)?;
        let ids = ForeignIds::parse(
            &others.passwd,
            &others.group,
            &others.subuid,
            &others.subgid,
        );
        let outside = (Arc::new(ids), Arc::new(damage));
        *read = are_settled(&stamps).then(|| (stamps, outside.clone()));
        Ok(outside)
    }
}

fn stamp(path: &Path) -> Stamp {
    fs::metadata(path).map_or_else(
        |_absent| Stamp::default(),
        |file| Stamp {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        },
    )
}

fn are_settled(stamps: &Stamps) -> bool {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let Ok(before) = now.map(|now| now.saturating_sub(SETTLED).as_secs()) else {
        return false;
    };
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    stamps.iter().all(|stamp| stamp.changed.0 < before)
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "files that no other process reads"
    )]

    use super::*;

    #[test]
    fn a_change_is_seen_and_the_same_files_are_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let passwd = dir.path().join("passwd");
        let foreign = Foreign::new(dir.path(), "/run/osctl/pools".into());
        assert!(!foreign.now().unwrap().0.has_account("alice"));
        fs::write(&passwd, "alice:x:1000:1000::/:/bin/sh\n").unwrap();
        assert!(foreign.now().unwrap().0.has_account("alice"));
        // As long, and in the same tick.
        fs::write(&passwd, "carol:x:1000:1000::/:/bin/sh\n").unwrap();
        assert!(foreign.now().unwrap().0.has_account("carol"));
        fs::remove_file(&passwd).unwrap();
        let (first, second) = (foreign.now().unwrap(), foreign.now().unwrap());
        assert!(Arc::ptr_eq(&first.0, &second.0));
    }
}
