//! One mount in a container.

use std::path::{Component, Path};

use crate::value::{ConfigPath, ValueError, fstab_escape};

/// A line of `lxc.mount.entry`: fstab(5) with a target relative to the container's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountEntry {
    source: String,
    target: String,
    fstype: String,
    options: String,
}

impl MountEntry {
    /// Shows a file or directory of the host. LXC's own options such as `create=dir` may be among
    /// `options`; `bind` is added.
    pub fn bind(source: &ConfigPath, target: &str, options: &[&str]) -> Result<Self, ValueError> {
        let options: Vec<&str> = ["bind"]
            .into_iter()
            .chain(options.iter().copied())
            .collect();
        Self::checked(source.fstab_field(), target, "none", &options)
    }

    /// A new file system, such as `tmpfs`.
    pub fn filesystem(fstype: &str, target: &str, options: &[&str]) -> Result<Self, ValueError> {
        Self::checked(fstype.to_owned(), target, fstype, options)
    }

    fn checked(
        source: String,
        target: &str,
        fstype: &str,
        options: &[&str],
    ) -> Result<Self, ValueError> {
        let normal = |part: Component<'_>| matches!(part, Component::Normal(_));
        let path = Path::new(target);
        let clean: std::path::PathBuf = path.components().collect();
        if target.is_empty()
            || target.contains(char::is_control)
            || !path.components().all(normal)
            || clean.as_os_str() != path.as_os_str()
        {
            let reason = "is not a plain path relative to the container's root";
            return Err(ValueError::new("mount point", target, reason));
        }
        let word = |c: char| c.is_ascii_alphanumeric() || "._=:%/+-".contains(c);
        for text in options.iter().chain([&fstype]) {
            if text.is_empty() || !text.chars().all(word) {
                let reason = "has a character that mount options have not";
                return Err(ValueError::new("mount option", text, reason));
            }
        }
        Ok(Self {
            source,
            target: fstab_escape(target),
            fstype: fstype.to_owned(),
            options: options.join(","),
        })
    }

    /// The value of `lxc.mount.entry`.
    pub(super) fn line(&self) -> String {
        let Self {
            source,
            target,
            fstype,
            options,
        } = self;
        let options = if options.is_empty() {
            "defaults"
        } else {
            options
        };
        format!("{source} {target} {fstype} {options} 0 0")
    }
}
