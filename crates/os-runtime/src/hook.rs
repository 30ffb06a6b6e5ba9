//! The administrator's hook scripts: `hook/ct/<id>/<hook>` and everything in `hook/ct/<id>/<hook>.d`.
//!
//! They run as root on the host, ordered by name, one after the other, each with a time limit; in a forced
//! stop there is one for all of them. Their output goes into the log of the daemon; the end of a failed script's output goes into the error.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use os_cmd::{CommandError, HostRunner, Invocation, Runner as _};
use os_lxc::Stage;
use os_types::{Code, Failure, chain};

use crate::operation::{self, Operation};
use crate::spec::ContainerSpec;

/// Time limit of one script.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Where scripts find programs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// When scripts are run. A failing one aborts a start up to `OnStart`, and a stop at `PreStop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    PreStart,
    PreMount,
    PostMount,
    OnStart,
    PostStart,
    PreStop,
    OnStop,
    PostStop,
}

impl Hook {
    pub(crate) const fn name(self) -> &'static str {
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

/// Where scripts are run, and what they get in addition to the common variables.
#[derive(Debug, Clone, Copy)]
pub(crate) enum HookContext<'a> {
    /// On the host.
    Host,
    /// On the host; the container has this init.
    HostWith { init: u32 },
    /// In a copy of the host's mounts with the root of the container of this monitor (ADR-14).
    Mounts {
        helper: &'a Path,
        monitor: u32,
        stage: &'a Stage,
    },
}

/// Whether there is a script for this hook.
pub(crate) fn any(spec: &ContainerSpec, hook: Hook) -> bool {
    !scripts(&spec.paths.hooks, hook.name()).is_empty()
}

/// Runs the scripts of a container for this hook.
///
/// *Errors*: [`Code::Hook`] with the first script that failed; later ones were not run.
/// [`Code::Cancelled`]; the script and everything that it started in its process group was killed.
pub(crate) fn run(
    spec: &ContainerSpec,
    hook: Hook,
    context: HookContext<'_>,
    operation: &dyn Operation,
) -> Result<(), Failure> {
    run_until(spec, hook, context, None, operation)
}

/// As [`run`]; what still runs at `end` is killed.
fn run_until(
    spec: &ContainerSpec,
    hook: Hook,
    context: HookContext<'_>,
    end: Option<Instant>,
    operation: &dyn Operation,
) -> Result<(), Failure> {
    let scripts = scripts(&spec.paths.hooks, hook.name());
    if scripts.is_empty() {
        return Ok(());
    }
    let container = &spec.container;
    let environment = environment(spec, hook, context);
    for script in scripts {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let limit = left.map_or(TIMEOUT, |left| left.min(TIMEOUT));
        let mut invocation = invocation(&script, context).deadline(limit);
        if let Some(hang_up) = operation.hang_up() {
            invocation = invocation.cancel_on(hang_up);
        }
        let ran = run_script(invocation, &environment, &script);
        let text = ran.map_err(|failure| match failure.code {
            Code::Hook => failure
                .about(format!("container {container}"))
                .next(format!("osctl ct log cat {container}")),
            _ => failure,
        })?;
        let script = script.display();
        tracing::info!(%container, hook = hook.name(), %script, text, "script");
    }
    Ok(())
}

/// Runs scripts of the host itself: `<folder>/<name>` and everything in `<folder>/<name>.d`.
///
/// *Errors*: [`Code::Hook`] with the first script that failed; later ones were not run.
pub fn run_scripts(
    folder: &Path,
    name: &str,
    environment: &[(&str, String)],
) -> Result<(), Failure> {
    let path = [("PATH", PATH.to_owned())];
    let environment = [&path, environment].concat();
    for script in scripts(folder, name) {
        let invocation = Invocation::new(script.to_string_lossy()).deadline(TIMEOUT);
        let text = run_script(invocation, &environment, &script)?;
        tracing::info!(hook = name, script = %script.display(), text, "script");
    }
    Ok(())
}

/// Runs one script to its end and returns its output.
///
/// *Errors*: [`Code::Hook`] if it fails, [`Code::Cancelled`].
fn run_script(
    invocation: Invocation,
    environment: &[(&str, String)],
    script: &Path,
) -> Result<String, Failure> {
    let variables = environment.iter();
    let invocation = variables.fold(invocation, |all, (name, value)| all.env(name, value));
    let script = script.display();
    match HostRunner::new().run(invocation) {
        Ok(output) => Ok(output.text()),
        Err(CommandError::Cancelled { .. }) => {
            Err(operation::cancelled(&format!("script {script}")))
        }
        Err(error) => {
            let text = format!("script {script} failed: {}", chain(&error));
            Err(Failure::new(Code::Hook, text))
        }
    }
}

fn invocation(script: &Path, context: HookContext<'_>) -> Invocation {
    match context {
        HookContext::Host | HookContext::HostWith { .. } => {
            Invocation::new(script.to_string_lossy())
        }
        HookContext::Mounts {
            helper,
            monitor,
            stage,
        } => {
            let start = os_sys::ProcessStat::read(monitor).map_or(0, |stat| stat.start_time);
            Invocation::new(helper.to_string_lossy())
                .args(["script".to_owned(), monitor.to_string(), start.to_string()])
                .arg(stage.folder().as_path())
                .arg(script)
        }
    }
}

/// As [`run`], but a failure is only logged.
pub(crate) fn run_and_log(
    spec: &ContainerSpec,
    hook: Hook,
    context: HookContext<'_>,
    operation: &dyn Operation,
) {
    log_failure(run(spec, hook, context, operation));
}

/// As [`run_and_log`], on the host; what still runs at `end` is killed.
pub(crate) fn run_and_log_until(
    spec: &ContainerSpec,
    hook: Hook,
    end: Option<Instant>,
    operation: &dyn Operation,
) {
    log_failure(run_until(spec, hook, HookContext::Host, end, operation));
}

fn log_failure(ran: Result<(), Failure>) {
    if let Err(failure) = ran {
        tracing::warn!(%failure, "a hook script failed");
    }
}

/// The executable files for a hook, ordered by name.
fn scripts(folder: &Path, hook: &str) -> Vec<PathBuf> {
    let mut found = vec![folder.join(hook)];
    let entries = fs::read_dir(folder.join(format!("{hook}.d")));
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
fn environment(
    spec: &ContainerSpec,
    hook: Hook,
    context: HookContext<'_>,
) -> Vec<(&'static str, String)> {
    let text = |path: &Path| path.display().to_string();
    let (container, paths) = (&spec.container, &spec.paths);
    let hostname = spec.settings.hostname.as_ref();
    let mut all = vec![
        ("PATH", PATH.to_owned()),
        ("OSCTL_HOOK_NAME", hook.name().to_owned()),
        ("OSCTL_POOL_NAME", container.pool.to_string()),
        ("OSCTL_CT_ID", container.name.to_string()),
        ("OSCTL_CT_USER", spec.user.to_string()),
        ("OSCTL_CT_GROUP", spec.group.to_string()),
        ("OSCTL_CT_DATASET", spec.dataset.clone()),
        ("OSCTL_CT_ROOTFS", text(&paths.root)),
        ("OSCTL_CT_LXC_PATH", text(&paths.lxc_path)),
        ("OSCTL_CT_LXC_DIR", text(&spec.lxc_dir())),
        ("OSCTL_CT_CGROUP_PATH", spec.cgroup.to_string()),
        ("OSCTL_CT_DISTRIBUTION", spec.distribution.to_string()),
        ("OSCTL_CT_VERSION", spec.version.to_string()),
        (
            "OSCTL_CT_HOSTNAME",
            hostname.map(ToString::to_string).unwrap_or_default(),
        ),
        ("OSCTL_CT_LOG_FILE", text(&paths.log)),
    ];
    match context {
        HookContext::Host => {}
        HookContext::HostWith { init } => all.push(("OSCTL_CT_INIT_PID", init.to_string())),
        HookContext::Mounts { stage, .. } => {
            all.push(("OSCTL_CT_ROOTFS_MOUNT", stage.mount().to_string()));
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
