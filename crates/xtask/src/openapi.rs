//! The generated file `docs/openapi.json`.

use std::fs::File;
use std::io::Write as _;

use anyhow::{Context as _, Result};

use crate::tree;

/// Where it is, from the root of the repository.
pub(crate) const PATH: &str = "docs/openapi.json";

/// What belongs into it.
pub(crate) fn text() -> String {
    format!("{:#}\n", os_api::openapi())
}

/// Writes it.
pub(crate) fn write() -> Result<()> {
    let path = tree::root()?.join(PATH);
    let write = || File::create(&path)?.write_all(text().as_bytes());
    write().with_context(|| format!("{} cannot be written", path.display()))
}
