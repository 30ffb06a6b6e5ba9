//! The image that containers of tests are made from.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, ensure};

use crate::sandbox::{program, program_path};

/// A busybox image, made by the real builder once for all tests of a run and kept beside the
/// programs until these are built again.
///
/// *Blocking*: while another test makes it.
///
/// # Errors
/// When it cannot be built.
pub fn busybox() -> anyhow::Result<PathBuf> {
    let builder = program_path("osctl-image")?;
    let folder = builder
        .parent()
        .context("a program is in a directory")?
        .join("test-images");
    fs::create_dir_all(&folder)?;
    let lock = File::create(folder.join("lock"))?;
    lock.lock().context("cannot lock the image of the tests")?;
    let image = folder.join("busybox.img");
    if changed(&image).is_none_or(|made| changed(&builder).is_none_or(|built| made < built)) {
        build(&folder, &image)?;
    }
    Ok(image)
}

/// A file behind another name does no harm to a test that reads the one before.
fn build(folder: &Path, image: &Path) -> anyhow::Result<()> {
    let new = folder.join("busybox.new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let output = program("osctl-image")?
        .args(["build", "busybox", "-o"])
        .arg(&new)
        .output()
        .context("cannot start osctl-image")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "osctl-image: {said}");
    Ok(fs::rename(&new, image)?)
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
