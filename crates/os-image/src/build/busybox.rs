//! A root with busybox alone: a megabyte or two, for tests and for looking at things.

use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use os_cmd::{Invocation, Runner};
use os_store::atomic::{self, Attributes};
use os_types::image::{ImageConfig, ImageInfo};

use super::BuildError;
use crate::archive::{Identity, write};
use crate::import::folder;

/// Where Debian's busybox-static has it.
const BUSYBOX: &str = "/bin/busybox";

const FOLDERS: &[(&str, u32)] = &[
    ("bin", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("proc", 0o755),
    ("root", 0o700),
    ("run", 0o755),
    ("sbin", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("var", 0o755),
];

const FILES: &[(&str, &str)] = &[
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    ),
    ("etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"),
    ("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ("etc/hostname", "busybox\n"),
    ("etc/resolv.conf", ""),
    ("etc/profile", "export PATH=/sbin:/bin\n"),
    ("etc/inittab", INITTAB),
    (
        "etc/os-release",
        "ID=busybox\nNAME=BusyBox\nPRETTY_NAME=BusyBox\n",
    ),
];

/// `init` of busybox without an action of its own would look for a console to ask on.
const INITTAB: &str = "\
::sysinit:/bin/hostname -F /etc/hostname
::sysinit:/bin/touch /run/ready
::shutdown:/bin/true
::restart:/sbin/init
";

/// Builds the image at `output`.
///
/// # Errors
/// When there is no static busybox, or something cannot be written.
pub fn busybox(
    runner: &dyn Runner,
    output: &Path,
    identity: &Identity,
) -> Result<ImageInfo, BuildError> {
    let busybox = Path::new(BUSYBOX);
    if !busybox.exists() {
        return Err(BuildError::NoBusybox {
            path: busybox.to_owned(),
        });
    }
    let scratch = tempfile::tempdir().map_err(|source| BuildError::Scratch {
        path: std::env::temp_dir(),
        source,
    })?;
    let listed = runner.run(Invocation::new("busybox").arg("--list"))?;
    let fail = |source| BuildError::Scratch {
        path: scratch.path().to_owned(),
        source,
    };
    fill(scratch.path(), busybox, &listed.text()).map_err(fail)?;
    let identity = Identity {
        config: ImageConfig::default(),
        ..identity.clone()
    };
    write(output, &identity, |out| {
        let imported = folder(scratch.path(), out)?;
        Ok(imported.measure)
    })
}

fn fill(root: &Path, busybox: &Path, applets: &str) -> io::Result<()> {
    for (name, mode) in FOLDERS {
        let path = root.join(name);
        made(atomic::create_dir(&path, Attributes::mode(*mode)))?;
        // The mode without the umask.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(*mode))?;
    }
    for (name, text) in FILES {
        made(atomic::replace(
            &root.join(name),
            text.as_bytes(),
            Attributes::mode(0o644),
        ))?;
    }
    let program = std::fs::read(busybox)?;
    made(atomic::replace(
        &root.join("bin/busybox"),
        &program,
        Attributes::mode(0o755),
    ))?;
    for applet in applets.lines().map(str::trim) {
        let plain = !applet.is_empty() && !applet.contains('/');
        if plain && !matches!(applet, "busybox" | "init") {
            symlink("busybox", root.join("bin").join(applet))?;
        }
    }
    symlink("../bin/busybox", root.join("sbin/init"))?;
    std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o755))
}

fn made<T>(result: Result<T, os_store::FileError>) -> io::Result<()> {
    result.map(drop).map_err(io::Error::other)
}
