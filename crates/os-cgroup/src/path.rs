//! The path of a group below our parent.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The kernel's limit of a file name (`NAME_MAX`).
const LONGEST: usize = 255;

/// Interface files that a group's directory holds, beside those that begin with a controller's name.
const FILES: [&str; 3] = ["tasks", "notify_on_release", "release_agent"];

/// What interface files begin with: a group of such a name would collide with them.
const PREFIXES: [&str; 12] = [
    "cgroup.", "memory.", "cpu.", "cpuacct.", "cpuset.", "pids.", "io.", "blkio.", "devices.",
    "freezer.", "hugetlb.", "irq.",
];

/// A path below the parent group, such as `pool.tank/group.default`; empty for the parent itself.
///
/// *Shape*: components of 1 to 255 letters, digits and `._:@+-`, separated by single slashes. It
/// cannot leave the parent, nor name an interface file.
///
/// *Source*: Linux, Documentation/admin-guide/cgroup-v2.rst, "Avoid Name Collisions".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CgroupPath(String);

/// A text that is no [`CgroupPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A component is empty, too long, or has characters that are not allowed.
    #[error("{0:?} is not a name for a control group: use letters, digits and . _ : @ + -")]
    Name(String),
    /// A component would hide a file of the kernel.
    #[error("{0:?} is reserved by the kernel in control groups")]
    Reserved(String),
}

impl os_types::Explain for PathError {
    fn code(&self) -> os_types::Code {
        os_types::Code::Name
    }
}

impl CgroupPath {
    /// The parent group itself.
    pub const PARENT: Self = Self(String::new());

    /// A group directly below this one.
    pub fn join(&self, name: &str) -> Result<Self, PathError> {
        check(name)?;
        Ok(if self.0.is_empty() {
            Self(name.to_owned())
        } else {
            Self(format!("{}/{name}", self.0))
        })
    }

    /// Another path below this one.
    pub(crate) fn append(&self, path: &Self) -> Self {
        match (self.0.as_str(), path.as_str()) {
            (_, "") => self.clone(),
            ("", below) => Self(below.to_owned()),
            (above, below) => Self(format!("{above}/{below}")),
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This path and those above it, outermost first; without the parent.
    pub(crate) fn ancestry(&self) -> impl Iterator<Item = &Path> {
        let mut paths: Vec<_> = Path::new(&self.0)
            .ancestors()
            .filter(|path| !path.as_os_str().is_empty())
            .collect();
        paths.reverse();
        paths.into_iter()
    }

    /// The directory of this path below `base`.
    pub(crate) fn below(&self, base: &Path) -> PathBuf {
        // Joining an empty path would leave a slash at the end.
        if self.0.is_empty() {
            base.to_owned()
        } else {
            base.join(&self.0)
        }
    }
}

fn check(name: &str) -> Result<(), PathError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:@+-".contains(&byte);
    let dots = name.bytes().all(|byte| byte == b'.');
    if name.is_empty() || name.len() > LONGEST || dots || !name.bytes().all(allowed) {
        return Err(PathError::Name(name.to_owned()));
    }
    if FILES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(PathError::Reserved(name.to_owned()));
    }
    Ok(())
}

impl FromStr for CgroupPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        text.split('/')
            .filter(|_| !text.is_empty())
            .try_for_each(check)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for CgroupPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_names_joined() {
        let path: CgroupPath = "pool.tank/group.default/user.a".parse().unwrap();
        assert_eq!(
            path.join("ct.x-1").unwrap().as_str(),
            "pool.tank/group.default/user.a/ct.x-1"
        );
        assert_eq!(CgroupPath::PARENT.join("a").unwrap().as_str(), "a");
        assert_eq!("".parse::<CgroupPath>().unwrap(), CgroupPath::PARENT);
        let all: Vec<_> = path
            .ancestry()
            .map(|path| path.display().to_string())
            .collect();
        let expected = [
            "pool.tank",
            "pool.tank/group.default",
            "pool.tank/group.default/user.a",
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn what_could_leave_the_parent_or_hide_a_file_is_refused() {
        let long = "x".repeat(256);
        for bad in [
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../..",
            "a b",
            "a\n",
            "ä",
            "...",
            long.as_str(),
            "tasks",
            "cgroup.procs",
            "a/memory.max",
            "cpu.shares",
        ] {
            assert!(bad.parse::<CgroupPath>().is_err(), "{bad:?}");
        }
        CgroupPath::PARENT.join("a/b").unwrap_err();
        CgroupPath::PARENT.join("").unwrap_err();
    }

    proptest! {
        #[test]
        fn no_path_leaves_its_base(text in ".{0,40}") {
            if let Ok(path) = text.parse::<CgroupPath>() {
                let below = path.below(Path::new("/base"));
                prop_assert!(below.starts_with("/base"));
                let plain = |part| matches!(part, std::path::Component::Normal(_) | std::path::Component::RootDir);
                prop_assert!(below.components().all(plain));
                prop_assert!(!below.display().to_string().ends_with('/'));
            }
        }
    }
}
