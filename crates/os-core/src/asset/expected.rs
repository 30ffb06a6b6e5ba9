//! One thing an entity expects, as data.

use std::path::{Path, PathBuf};

use os_api::view::AssetKind;
use os_types::{DatasetName, EntityRef, Failure};

use crate::layout;

/// What kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// A socket.
    Socket,
    /// Something else.
    Other,
}

/// What has to be so for an asset to be valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// A file of this kind, owner, group and mode is at the path.
    File {
        /// Its kind.
        kind: FileKind,
        /// Its path.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
        /// Its permissions, `None` if any will do.
        mode: Option<u32>,
    },
    /// The dataset exists.
    Dataset(DatasetName),
    /// Something is mounted at the path with these options, e.g. `nosuid`.
    Mount {
        /// The path.
        path: PathBuf,
        /// The options.
        options: &'static [&'static str],
    },
    /// The file has this line.
    Entry {
        /// The file.
        file: PathBuf,
        /// The line, without the line feed.
        line: String,
    },
    /// The control group may exist: it is made when it is first needed.
    Cgroup(String),
    /// The control group has no killed process in it that the kernel holds.
    NoneHeld(String),
    /// It is known already that it is not as it should be.
    Broken {
        /// Where.
        kind: AssetKind,
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
}

/// One thing an entity expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Whose it is.
    pub entity: EntityRef,
    /// What it is for.
    pub description: String,
    /// What has to be so.
    pub want: Want,
    /// The command that repairs it.
    pub next: Option<String>,
}

impl Expected {
    pub(super) fn new(entity: &EntityRef, description: impl Into<String>, want: Want) -> Self {
        Self {
            entity: entity.clone(),
            description: description.into(),
            want,
            next: None,
        }
    }

    pub(super) fn or(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// The configuration file of an entity, which may be damaged.
    pub(super) fn config(entity: &EntityRef, folder: &Path, failure: Option<&Failure>) -> Self {
        let relative = layout::config_path(entity).unwrap_or_default();
        let path = folder.join(relative);
        let Some(failure) = failure else {
            let next = format!("chown root:root {0} && chmod 0400 {0}", path.display());
            let want = Want::file(FileKind::File, path, Some(layout::FILE_MODE));
            return Self::new(entity, "configuration", want).or(next);
        };
        let broken = Self::new(
            entity,
            "configuration",
            Want::Broken {
                kind: AssetKind::File,
                path: path.display().to_string(),
                reason: failure.message.clone(),
            },
        );
        Self {
            next: failure.next.clone(),
            ..broken
        }
    }

    /// What kind of thing it is.
    pub fn kind(&self) -> AssetKind {
        match &self.want {
            Want::File { kind, .. } => match kind {
                FileKind::Directory => AssetKind::Directory,
                FileKind::Symlink => AssetKind::Symlink,
                FileKind::Socket => AssetKind::Socket,
                FileKind::File | FileKind::Other => AssetKind::File,
            },
            Want::Dataset(_) => AssetKind::Dataset,
            Want::Mount { .. } => AssetKind::Mount,
            Want::Entry { .. } => AssetKind::Entry,
            Want::Cgroup(_) | Want::NoneHeld(_) => AssetKind::Cgroup,
            Want::Broken { kind, .. } => *kind,
        }
    }

    /// Its path, or dataset name, or `file: entry`.
    pub fn path(&self) -> String {
        match &self.want {
            Want::File { path, .. } | Want::Mount { path, .. } => path.display().to_string(),
            Want::Dataset(dataset) => dataset.to_string(),
            Want::Entry { file, line } => format!("{}: {line}", file.display()),
            Want::Cgroup(path) | Want::NoneHeld(path) | Want::Broken { path, .. } => path.clone(),
        }
    }
}

impl Want {
    /// A file that belongs to root.
    pub(super) fn file(kind: FileKind, path: PathBuf, mode: Option<u32>) -> Self {
        Self::File {
            kind,
            path,
            uid: 0,
            gid: 0,
            mode,
        }
    }
}
