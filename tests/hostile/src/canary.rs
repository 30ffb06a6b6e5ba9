//! Files that no test may change.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use os_sys::MountTable;

/// What files and the mount table of the host look like.
#[derive(Debug)]
pub struct Canaries {
    places: Vec<PathBuf>,
    seen: BTreeMap<PathBuf, String>,
    mounts: Vec<String>,
    below: PathBuf,
    hostname: String,
}

impl Canaries {
    /// Looks at `places`, files or whole directories, and at what is mounted outside of `below`, which is
    /// the sandbox's.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn look(places: &[&Path], below: &Path) -> Result<Self> {
        let mut seen = BTreeMap::new();
        for place in places {
            collect(place, &mut seen)?;
        }
        Ok(Self {
            places: places.iter().map(|place| (*place).to_owned()).collect(),
            seen,
            mounts: mounts(below)?,
            below: below.to_owned(),
            hostname: os_sys::hostname(),
        })
    }

    /// Fails if anything is not as it was.
    ///
    /// # Errors
    /// It names what.
    pub fn are_well(&self) -> Result<()> {
        let places: Vec<&Path> = self.places.iter().map(PathBuf::as_path).collect();
        let now = Self::look(&places, &self.below)?;
        for (path, was) in &self.seen {
            let is = now.seen.get(path);
            ensure!(is == Some(was), "{}: was {was}, is {is:?}", path.display());
        }
        let added = now.seen.keys().find(|path| !self.seen.contains_key(*path));
        ensure!(added.is_none(), "made on the host: {added:?}");
        let mounted: Vec<_> = now
            .mounts
            .iter()
            .filter(|it| !self.mounts.contains(it))
            .collect();
        ensure!(mounted.is_empty(), "mounted on the host: {mounted:?}");
        ensure!(
            now.hostname == self.hostname,
            "the host is called {}",
            now.hostname
        );
        Ok(())
    }
}

fn collect(path: &Path, seen: &mut BTreeMap<PathBuf, String>) -> Result<()> {
    let Ok(about) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    let facts = (about.mode(), about.uid(), about.gid(), about.nlink());
    let what = if about.is_file() {
        let bytes = fs::read(path)?;
        let digest = os_image::Metadata::digest(&bytes);
        format!("{facts:?} {} {:?}", digest.as_str(), about.mtime())
    } else if about.is_symlink() {
        format!("{facts:?} -> {}", fs::read_link(path)?.display())
    } else {
        format!("{:?}", (about.mode(), about.uid(), about.gid()))
    };
    seen.insert(path.to_owned(), what);
    if about.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), seen)?;
        }
    }
    Ok(())
}

/// Mounts outside of any sandbox: other tests run beside this one.
fn mounts(below: &Path) -> Result<Vec<String>> {
    let table = MountTable::read()?;
    let others = table.iter().filter(|entry| {
        let place = entry.mount_point.to_string_lossy();
        !entry.mount_point.starts_with(below) && !place.starts_with("/tmp/")
    });
    Ok(others
        .map(|entry| entry.mount_point.display().to_string())
        .collect())
}
