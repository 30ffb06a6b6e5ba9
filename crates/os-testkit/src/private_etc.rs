//! Account files of a test's own.
//!
//! newuidmap(1) reads `/etc/passwd` and `/etc/subuid`, whatever its arguments, so a real container
//! needs its user in there. These files are in a directory instead, and the monitor of the container
//! sees them in place of the host's: `etc` of its launch specification names the directory. The host's
//! own files stay as they are, and tests run side by side.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A directory with `passwd`, `group`, `subuid` and `subgid`.
#[derive(Debug)]
pub struct PrivateEtc {
    folder: PathBuf,
}

/// A system user, and the ids that it may give to its containers.
#[derive(Debug, Clone, Copy)]
pub struct TestUser<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its uid and gid.
    pub ugid: u32,
    /// The first of its subordinate ids.
    pub first: u32,
    /// How many they are.
    pub count: u32,
    /// Its home.
    pub home: &'a Path,
}

impl PrivateEtc {
    /// Copies of the host's `passwd` and `group` in a new directory; no user has subordinate ids.
    ///
    /// # Errors
    /// When the directory exists, or a file cannot be copied.
    pub fn new(folder: impl Into<PathBuf>) -> anyhow::Result<Self> {
        let folder = folder.into();
        let shown = folder.display().to_string();
        fs::create_dir(&folder).context(shown)?;
        for name in ["passwd", "group"] {
            fs::copy(Path::new("/etc").join(name), folder.join(name)).context(name)?;
        }
        for name in ["subuid", "subgid"] {
            fs::File::create_new(folder.join(name)).context(name)?;
        }
        Ok(Self { folder })
    }

    /// The directory.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds a user.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn add(&self, user: TestUser<'_>) -> anyhow::Result<()> {
        let TestUser {
            name,
            ugid,
            first,
            count,
            home,
        } = user;
        let home = home.display();
        self.append(
            "passwd",
            &format!("{name}:x:{ugid}:{ugid}:test:{home}:/usr/sbin/nologin"),
        )?;
        self.append("group", &format!("{name}:x:{ugid}:"))?;
        self.append("subuid", &format!("{name}:{first}:{count}"))?;
        self.append("subgid", &format!("{name}:{first}:{count}"))
    }

    fn append(&self, file: &str, line: &str) -> anyhow::Result<()> {
        use std::io::Write as _;
        let mut file = fs::File::options()
            .append(true)
            .open(self.folder.join(file))?;
        Ok(writeln!(file, "{line}")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_in_all_four() {
        let dir = tempfile::tempdir().unwrap();
        let etc = PrivateEtc::new(dir.path().join("etc")).unwrap();
        let home = Path::new("/run/x");
        let user = TestUser {
            name: "tank-a",
            ugid: 150_000,
            first: 2_000_000,
            count: 65_536,
            home,
        };
        etc.add(user).unwrap();
        for (file, begin) in [
            ("passwd", "tank-a:x:150000:150000:"),
            ("group", "tank-a:x:150000:"),
            ("subuid", "tank-a:2000000:65536"),
            ("subgid", "tank-a:2000000:65536"),
        ] {
            let text = fs::read_to_string(etc.folder().join(file)).unwrap();
            assert!(
                text.lines().any(|line| line.starts_with(begin)),
                "{file}: {text}"
            );
        }
    }
}
