//! The step that unpacks an image into the cache of a pool.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::id_map::IdMap;
use crate::image::ImageDigest;
use crate::names::PoolName;

/// The root of an image in the cache of a pool: dataset `image/<digest>`, unpacked by a child process
/// without privileges, with the snapshot that containers are cloned from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ImageStep {
    /// The pool.
    pub pool: PoolName,
    /// Digest of the image.
    pub digest: ImageDigest,
    /// The archive.
    pub file: PathBuf,
    /// User ids of the unpacking process.
    pub uid_map: IdMap,
    /// Group ids of the unpacking process.
    pub gid_map: IdMap,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for ImageStep {
    const DURABILITY: Durability = Durability::Durable;

    fn inverse(&self) -> Option<Self> {
        let to = self.to.inverse();
        Some(Self { to, ..self.clone() })
    }

    /// The image stays in the cache, for other containers may be cloned from it by then.
    fn undo(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn line(&self) -> String {
        let (pool, digest) = (&self.pool, self.digest.short());
        match self.to {
            Presence::Present => {
                format!(
                    "unpack image {digest} from {} to {pool}",
                    self.file.display()
                )
            }
            Presence::Absent => format!("drop image {digest} from the cache of {pool}"),
        }
    }
}
