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

/// Debian's keys: here, where packages are checked, and there, where apt needs them. From Debian 13 on
/// apt trusts none by itself.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// What makes an installed Debian the root of a container, run by mmdebstrap with the new root as `$1`.
///
/// An empty `machine-id` gives each clone one of its own at its first boot (machine-id(5)).
/// `.updated`, newer than `/usr`, tells that boot that caches are up to date, as they are
/// (systemd-update-done.service(8)).
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
    dev-hugepages.mount systemd-binfmt.service proc-sys-fs-binfmt_misc.automount
do ln -sf /dev/null "etc/systemd/system/$unit"; done
printf 'LANG=C.UTF-8\n' > etc/locale.conf
ln -sf ../locale.conf etc/default/locale
chroot . usermod --lock root
rm -f etc/dpkg/dpkg.cfg.d/99mmdebstrap
rm -rf var/lib/apt/lists/* var/cache/apt/*.bin var/cache/debconf/*-old var/lib/dpkg/*-old
rm -rf var/log/apt var/log/dpkg.log var/log/alternatives.log
touch etc/.updated var/.updated
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
    let sources = sources(runner, suite)?;
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
        // A root that is not finished is thrown away: nothing in it has to survive a crash.
        .arg("--dpkgopt=force-unsafe-io")
        .arg("--quiet")
        .arg(suite.codename())
        .arg(&tar)
        .args(sources)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .deadline(DEADLINE);
    runner.run(invocation)?;
    write(output, identity, |out| {
        let imported = tarball(&tar, 0, out)?;
        Ok(imported.measure)
    })
}

/// What apt in the new root gets, and installs from: `suite` at the mirrors that apt on this machine
/// uses, with its security updates if this machine has a mirror of those.
fn sources(runner: &dyn Runner, suite: DebianSuite) -> Result<Vec<String>, BuildError> {
    let invocation = Invocation::new("apt-get").args([
        "indextargets",
        "--format",
        "$(ORIGIN) $(LABEL) $(COMPONENT) $(SITE)",
        "Created-By: Packages",
    ]);
    let listed = runner.run(invocation)?.text();
    let name = suite.codename();
    let main = mirror(&listed, "Debian").ok_or(BuildError::NoMirror)?;
    let source = |site, suite| format!("deb [signed-by={KEYRING}] {site} {suite} main");
    let mut sources = vec![
        source(main, name.to_owned()),
        source(main, format!("{name}-updates")),
    ];
    if let Some(security) = mirror(&listed, "Debian-Security") {
        sources.push(source(security, format!("{name}-security")));
    }
    Ok(sources)
}

/// The first mirror in what apt listed of Debian's archive `label`.
fn mirror<'a>(listed: &'a str, label: &str) -> Option<&'a str> {
    listed.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let archive = [words.next(), words.next(), words.next()];
        let site = words.next()?;
        (archive == [Some("Debian"), Some(label), Some("main")]).then_some(site)
    })
}

#[cfg(test)]
mod tests {
    use os_cmd::FakeRunner;

    use super::*;

    const COMMAND: &str = "apt-get indextargets \
                           --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(SITE)' 'Created-By: Packages'";

    fn sources_of(answer: &str) -> Result<Vec<String>, BuildError> {
        let runner = FakeRunner::new().expect(COMMAND, answer);
        sources(&runner, DebianSuite::Trixie)
    }

    #[test]
    fn mirrors_are_those_of_apt() {
        let found = sources_of(
            "Other Other main http://other\nDebian Debian-Security main http://m/security\n\
             Debian Debian contrib http://c\nDebian Debian main http://m/debian\n",
        );
        let key = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
        let wanted = [
            format!("deb {key} http://m/debian trixie main"),
            format!("deb {key} http://m/debian trixie-updates main"),
            format!("deb {key} http://m/security trixie-security main"),
        ];
        assert_eq!(found.unwrap(), wanted);
    }

    #[test]
    fn security_updates_are_no_mirror() {
        let found = sources_of("Debian Debian-Security main http://m/security\n");
        assert!(matches!(found, Err(BuildError::NoMirror)));
        assert_eq!(
            sources_of("Debian Debian main http://m\n").unwrap().len(),
            2
        );
    }
}
