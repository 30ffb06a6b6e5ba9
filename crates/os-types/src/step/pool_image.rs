//! The step that creates or destroys the image file of a pool.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::file_system::FileSystem;
use crate::names::PoolName;
use crate::size::ByteSize;

/// The image file of a loop pool: sparse, with an empty file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PoolImageStep {
    /// The pool.
    pub pool: PoolName,
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub size: ByteSize,
    /// The file system of a new image; btrfs if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_system: Option<FileSystem>,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for PoolImageStep {
    const DURABILITY: Durability = Durability::Durable;

    fn inverse(&self) -> Option<Self> {
        let to = Presence::Absent;
        (self.to == Presence::Present).then(|| Self { to, ..self.clone() })
    }

    fn undo(&self) -> Option<Self> {
        None
    }

    fn line(&self) -> String {
        let file = self.file.display();
        match self.to {
            Presence::Present => {
                let inside = self.file_system.unwrap_or(FileSystem::Btrfs);
                format!("create image {file} of {} with {inside}", self.size)
            }
            Presence::Absent => format!("destroy image {file}"),
        }
    }
}
