//! The source tree in memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Directories that are made by tools and hold nothing of osctl.
const FOREIGN: &[&str] = &[".git", "target", ".tools", "book"];

/// A dependency between two crates of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    /// The crate that depends on the other one.
    pub(crate) from: String,
    /// The dependency.
    pub(crate) to: String,
    /// Only in tests, examples and benchmarks.
    pub(crate) dev: bool,
}

/// Every text file and crate of the repository.
///
/// *Shape*: paths are relative to the root of the repository, with `/`, ordered by name.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Text files by path.
    pub(crate) files: BTreeMap<String, String>,
    /// Symlinks by path, with the path they lead to.
    pub(crate) symlinks: BTreeMap<String, String>,
    /// Names of the crates of the workspace.
    pub(crate) crates: Vec<String>,
    /// Their dependencies among each other.
    pub(crate) edges: Vec<Edge>,
}

impl Tree {
    /// Reads the repository of the current directory.
    pub(crate) fn load() -> Result<Self> {
        let metadata = MetadataCommand::new().no_deps().exec()?;
        let mut tree = Self::default();
        tree.add_crates(&metadata);
        let root: PathBuf = metadata.workspace_root.into();
        tree.add_folder(&root, "")?;
        Ok(tree)
    }

    fn add_crates(&mut self, metadata: &Metadata) {
        for package in metadata.workspace_packages() {
            self.crates.push(package.name.to_string());
            let ours = package.dependencies.iter().filter(|to| to.path.is_some());
            self.edges.extend(ours.map(|to| Edge {
                from: package.name.to_string(),
                to: to.name.clone(),
                dev: to.kind == DependencyKind::Development,
            }));
        }
    }

    fn add_folder(&mut self, root: &Path, folder: &str) -> Result<()> {
        let here = root.join(folder);
        let entries = fs::read_dir(&here).with_context(|| here.display().to_string())?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = normalize(&format!("{folder}/{name}"));
            let kind = entry.file_type()?;
            if kind.is_symlink() {
                let target = fs::read_link(entry.path())?;
                let target = format!("{folder}/{}", target.to_string_lossy());
                self.symlinks.insert(path, normalize(&target));
            } else if kind.is_dir() && !FOREIGN.contains(&name.as_str()) {
                self.add_folder(root, &path)?;
            } else if kind.is_file() {
                // What is not UTF-8 is data, for which there are no rules.
                let bytes = fs::read(entry.path()).with_context(|| path.clone())?;
                if let Ok(text) = String::from_utf8(bytes) {
                    self.files.insert(path, text);
                }
            }
        }
        Ok(())
    }

    /// The real path of `path`, with `..` and symlinks resolved.
    pub(crate) fn resolve(&self, path: &str) -> String {
        let path = normalize(path);
        for (link, target) in &self.symlinks {
            if let Some(rest) = path.strip_prefix(link.as_str())
                && (rest.is_empty() || rest.starts_with('/'))
            {
                return normalize(&format!("{target}{rest}"));
            }
        }
        path
    }

    /// Whether `path` is a file or a directory.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = self.resolve(path);
        let inside = format!("{path}/");
        let mut from_here = self.files.range(path.clone()..);
        path.is_empty()
            || self.files.contains_key(&path)
            || from_here.any(|(file, _)| file.starts_with(&inside))
    }

    /// Files whose name ends with one of `endings`.
    pub(crate) fn files_ending<'a>(
        &'a self,
        endings: &'a [&str],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let all = self
            .files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()));
        all.filter(|(path, _)| endings.iter().any(|ending| path.ends_with(ending)))
    }

    /// A tree of the given files, for tests of checks.
    #[cfg(test)]
    pub(crate) fn of_files(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self {
            files: files.iter().map(owned).collect(),
            ..Self::default()
        }
    }
}

/// The root of the repository of the current directory.
pub(crate) fn root() -> Result<PathBuf> {
    Ok(MetadataCommand::new()
        .no_deps()
        .exec()?
        .workspace_root
        .into())
}

/// `path` without empty components, `.` and `..`.
fn normalize(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_through_symlinks() {
        let mut tree = Tree::of_files(&[("docs/adr/0001-a.md", ""), ("docs/src/x.md", "")]);
        tree.symlinks
            .insert("docs/src/adr".to_owned(), "docs/adr".to_owned());
        assert_eq!(
            tree.resolve("docs/src/./adr/0001-a.md"),
            "docs/adr/0001-a.md"
        );
        assert!(tree.has("docs/src/adr/0001-a.md"));
        assert!(tree.has("docs/src/../adr"));
        assert!(!tree.has("docs/ad"));
        assert!(!tree.has("docs/src/adr/0002-b.md"));
    }

    #[test]
    fn this_repository_loads() {
        let tree = Tree::load().unwrap();
        assert!(tree.files.contains_key("crates/xtask/src/tree.rs"));
        assert!(tree.crates.iter().any(|name| name == "xtask"));
        assert!(!tree.files.keys().any(|path| path.starts_with("target/")));
        let wanted = Edge {
            from: "xtask".to_owned(),
            to: "os-api".to_owned(),
            dev: false,
        };
        assert!(tree.edges.contains(&wanted));
    }
}
