//! Paths of files on the host that people name.

use std::path::{Path, PathBuf};

use crate::names::name;

name! {
    /// Path of a file or directory on the host, e.g. `/etc/osctl/strict.seccomp`.
    ///
    /// *Shape*: absolute, UTF-8, without `..` and control characters, at most 4095 bytes
    /// (`PATH_MAX`), so that it can stand in a journal, a symlink and a message as it is.
    HostPath, "path",
    r"^(/(\.?|(\.{0,2}[^/.\u0000-\u001f\u007f-\u009f]|\.{3})[^/\u0000-\u001f\u007f-\u009f]*))+$",
    check
}

fn check(text: &str) -> Result<(), &'static str> {
    if !text.starts_with('/') {
        return Err("is not absolute");
    }
    if text.len() > 4095 {
        return Err("is longer than 4095 bytes");
    }
    if text.contains(char::is_control) {
        return Err("has a control character");
    }
    if text.split('/').any(|part| part == "..") {
        return Err("has a component `..`");
    }
    Ok(())
}

impl HostPath {
    /// The path.
    pub fn as_path(&self) -> &Path {
        Path::new(self.as_str())
    }
}

impl AsRef<Path> for HostPath {
    fn as_ref(&self) -> &Path {
        self.as_path()
    }
}

impl From<HostPath> for PathBuf {
    fn from(path: HostPath) -> Self {
        String::from(path).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_checked() {
        for good in ["/", "/a", "/a/./b", "/a/..b/...", "/a//b/", "/ä b"] {
            good.parse::<HostPath>().unwrap();
        }
        for bad in [
            "",
            "a",
            "./a",
            "/..",
            "/a/../b",
            "/a\nb",
            &format!("/{}", "x".repeat(4095)),
        ] {
            bad.parse::<HostPath>().unwrap_err();
        }
    }
}
