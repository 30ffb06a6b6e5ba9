//! The administrator's scripts: `hook/ct/<id>/<hook>` and everything in `hook/ct/<id>/<hook>.d`.
//!
//! They run as root on the host, one after the other by name, with an environment of their own and a
//! time limit each. What they print goes into the log of the daemon; of a script that fails, its last
//! words go into the error.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use os_cmd::{HostRunner, Invocation, Runner as _};
use os_types::{Code, Failure, chain};

use super::Place;

/// A script may take so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// Moments at which scripts are run, and whether one that fails stops what is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    PreStart,
    PreMount,
    PostMount,
    OnStart,
    PostStart,
    PreStop,
    OnStop,
    PostStop,
}

impl Moment {
    const fn name(self) -> &'static str {
        match self {
            Self::PreStart => "pre-start",
            Self::PreMount => "pre-mount",
            Self::PostMount => "post-mount",
            Self::OnStart => "on-start",
            Self::PostStart => "post-start",
            Self::PreStop => "pre-stop",
            Self::OnStop => "on-stop",
            Self::PostStop => "post-stop",
        }
    }
}

/// Where scripts are run, and what they are told beside what all are told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Where<'a> {
    /// On the host.
    Host,
    /// On the host, of a container with this init.
    HostWith { init: u32 },
    /// In the mount namespace of this process, a hook of LXC that waits.
    Mounts {
        helper: &'a Path,
        pid: u32,
        rootfs_mount: &'a str,
    },
}

/// Whether there is a script for this moment.
pub(super) fn any(place: &Place, moment: Moment) -> bool {
    !scripts(&place.hooks, moment.name()).is_empty()
}

/// Runs the scripts of a container for this moment.
///
/// *Errors*: [`Code::Hook`] with the first script that failed; later ones were not run.
pub(super) fn run(place: &Place, moment: Moment, at: Where<'_>) -> Result<(), Failure> {
    let scripts = scripts(&place.hooks, moment.name());
    if scripts.is_empty() {
        return Ok(());
    }
    let container = format!("{}:{}", place.pool, place.name);
    let environment = environment(place, moment, at);
    let runner = HostRunner::new();
    for script in scripts {
        let mut invocation = invocation(&script, at).deadline(PATIENCE);
        for (name, value) in &environment {
            invocation = invocation.env(name, value);
        }
        match runner.run(invocation) {
            Ok(output) => {
                let text = output.text();
                tracing::info!(%container, hook = moment.name(), script = %script.display(), text, "script");
            }
            Err(error) => {
                let text = format!("script {} failed: {}", script.display(), chain(&error));
                return Err(Failure::new(Code::Hook, text)
                    .about(format!("container {container}"))
                    .next(format!("osctl ct log cat {container}")));
            }
        }
    }
    Ok(())
}

fn invocation(script: &Path, at: Where<'_>) -> Invocation {
    match at {
        Where::Host | Where::HostWith { .. } => Invocation::new(script.to_string_lossy()),
        Where::Mounts { helper, pid, .. } => {
            let start = super::start_time(pid).unwrap_or(0);
            Invocation::new(helper.to_string_lossy())
                .args(["script".to_owned(), pid.to_string(), start.to_string()])
                .arg(script)
        }
    }
}

/// Runs them; a failure is only logged.
pub(super) fn run_and_log(place: &Place, moment: Moment, at: Where<'_>) {
    if let Err(failure) = run(place, moment, at) {
        tracing::warn!(%failure, "a script failed");
    }
}

/// The executable files for a moment, by name.
fn scripts(folder: &Path, moment: &str) -> Vec<PathBuf> {
    let mut found = vec![folder.join(moment)];
    let entries = fs::read_dir(folder.join(format!("{moment}.d")));
    found.extend(
        entries
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path()),
    );
    let executable = |path: &PathBuf| {
        let metadata = fs::metadata(path);
        metadata.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    found.retain(executable);
    found.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
    found
}

/// The variables of vpsAdminOS.
fn environment(place: &Place, moment: Moment, at: Where<'_>) -> Vec<(&'static str, String)> {
    let text = |path: &Path| path.display().to_string();
    let hostname = place.doc.hostname.as_ref();
    let mut all = vec![
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
        ),
        ("OSCTL_HOOK_NAME", moment.name().to_owned()),
        ("OSCTL_POOL_NAME", place.pool.to_string()),
        ("OSCTL_CT_ID", place.name.to_string()),
        ("OSCTL_CT_USER", place.doc.user.to_string()),
        ("OSCTL_CT_GROUP", place.doc.group.to_string()),
        ("OSCTL_CT_DATASET", place.dataset.clone()),
        ("OSCTL_CT_ROOTFS", text(&place.root)),
        ("OSCTL_CT_LXC_PATH", text(&place.lxc_path)),
        (
            "OSCTL_CT_LXC_DIR",
            text(&place.lxc_path.join(place.name.as_str())),
        ),
        ("OSCTL_CT_CGROUP_PATH", place.cgroup.to_string()),
        ("OSCTL_CT_DISTRIBUTION", place.doc.distribution.to_string()),
        ("OSCTL_CT_VERSION", place.doc.version.to_string()),
        (
            "OSCTL_CT_HOSTNAME",
            hostname.map(ToString::to_string).unwrap_or_default(),
        ),
        ("OSCTL_CT_LOG_FILE", text(&place.log)),
    ];
    match at {
        Where::Host => {}
        Where::HostWith { init } => all.push(("OSCTL_CT_INIT_PID", init.to_string())),
        Where::Mounts { rootfs_mount, .. } => {
            all.push(("OSCTL_CT_ROOTFS_MOUNT", rootfs_mount.to_owned()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "scripts of a test")]
    fn only_what_can_be_executed_counts_and_in_order_of_names() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("pre-start.d")).unwrap();
        for (name, mode) in [
            ("pre-start", 0o755),
            ("pre-start.d/20-b", 0o700),
            ("pre-start.d/10-a", 0o700),
            ("pre-start.d/readme", 0o600),
            ("pre-stop", 0o755),
        ] {
            let path = dir.path().join(name);
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let found = scripts(dir.path(), "pre-start");
        let names: Vec<_> = found.iter().filter_map(|path| path.file_name()).collect();
        assert_eq!(names, ["10-a", "20-b", "pre-start"]);
        assert_eq!(scripts(dir.path(), "post-stop"), Vec::<PathBuf>::new());
    }
}
