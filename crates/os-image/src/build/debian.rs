//! Debian by mmdebstrap(1), from the mirror that apt on this machine uses.

use std::path::Path;
use std::time::Duration;

use os_cmd::{Invocation, Runner};
use os_types::image::ImageInfo;

use super::BuildError;
use crate::archive::{Identity, write};
use crate::import::tarball;

/// A release of Debian that can be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebianSuite {
    /// Debian 12.
    Bookworm,
    /// Debian 13.
    Trixie,
}

impl DebianSuite {
    /// Its code name.
    pub const fn codename(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// Its number, as os-release(5) has it.
    pub const fn number(self) -> &'static str {
        match self {
            Self::Bookworm => "12",
            Self::Trixie => "13",
        }
    }
}

/// What is in it beside the essential packages: systemd, a network by ifupdown (which `osctl` knows how
/// to configure), and what an administrator reaches for first.
const PACKAGES: &str =
    "systemd-sysv,dbus,ifupdown,iproute2,iputils-ping,netbase,procps,less,nano,ca-certificates";

/// What makes an installed Debian the root of a container, run in the new root by mmdebstrap.
const CUSTOMIZE: &str = r#"set -eu
cd "$1"
: > etc/machine-id
: > etc/hostname
rm -f etc/resolv.conf
: > etc/resolv.conf
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' > etc/hosts
printf 'auto lo\niface lo inet loopback\n' > etc/network/interfaces
mkdir -p var/log/journal etc/systemd/system
for unit in sys-kernel-debug.mount sys-kernel-tracing.mount systemd-journald-audit.socket \
    systemd-modules-load.service systemd-udev-trigger.service systemd-udevd.service \
    dev-hugepages.mount systemd-binfmt.service
do ln -sf /dev/null "etc/systemd/system/$unit"; done
chroot . usermod --lock root
rm -rf var/lib/apt/lists/* var/cache/apt/*.bin var/log/apt var/log/dpkg.log var/log/alternatives.log
"#;

/// An hour: a slow mirror is no reason to fail.
const DEADLINE: Duration = Duration::from_hours(1);

/// Builds the image at `output`.
///
/// # Errors
/// When mmdebstrap is missing or fails, apt knows no mirror, or something cannot be written.
pub fn debian(
    runner: &dyn Runner,
    suite: DebianSuite,
    output: &Path,
    identity: &Identity,
) -> Result<ImageInfo, BuildError> {
    let mirror = mirror(runner)?;
    let scratch = tempfile::tempdir().map_err(|source| BuildError::Scratch {
        path: std::env::temp_dir(),
        source,
    })?;
    let tar = scratch.path().join("root.tar");
    let invocation = Invocation::new("mmdebstrap")
        .arg("--variant=minbase")
        .arg("--mode=root")
        .arg(format!("--include={PACKAGES}"))
        .arg(format!("--customize-hook={CUSTOMIZE}"))
        .arg("--quiet")
        .arg(suite.codename())
        .arg(&tar)
        .arg(mirror)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .deadline(DEADLINE);
    runner.run(invocation)?;
    write(output, identity, |out| {
        let imported = tarball(&tar, 0, out)?;
        Ok(imported.measure)
    })
}

/// The mirror from which apt on this machine has Debian.
fn mirror(runner: &dyn Runner) -> Result<String, BuildError> {
    let invocation = Invocation::new("apt-get").args([
        "indextargets",
        "--format",
        "$(ORIGIN) $(LABEL) $(COMPONENT) $(SITE)",
        "Created-By: Packages",
    ]);
    let listed = runner.run(invocation)?.text();
    let mut lines = listed.lines().map(str::split_whitespace);
    // Security updates have the origin Debian too, but another label.
    lines
        .find_map(|mut words| {
            let of_debian = [words.next(), words.next(), words.next()]
                == [Some("Debian"), Some("Debian"), Some("main")];
            words.next().filter(|_| of_debian).map(ToOwned::to_owned)
        })
        .ok_or(BuildError::NoMirror)
}

#[cfg(test)]
mod tests {
    use os_cmd::{FakeRunner, Reply};

    use super::*;

    #[test]
    fn the_mirror_is_that_of_apt() {
        let command = "apt-get indextargets \
                       --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(SITE)' 'Created-By: Packages'";
        let answer = "Other Other main http://other\nDebian Debian-Security main http://s\n\
                      Debian Debian contrib http://c\nDebian Debian main http://m/debian\n";
        let runner = FakeRunner::new().expect(command, Reply::ok(answer));
        assert_eq!(mirror(&runner).unwrap(), "http://m/debian");
        let runner = FakeRunner::new().expect(command, Reply::ok(""));
        assert!(matches!(mirror(&runner), Err(BuildError::NoMirror)));
    }
}
