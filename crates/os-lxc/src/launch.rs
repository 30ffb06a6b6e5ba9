//! What `os-helper start` is told, and what it answers.
//!
//! The specification is JSON on a descriptor, never in arguments: they are everybody's to read.
//! The answer is on another descriptor that closes at exec: end of file without a line means that
//! LXC is running, a line is a [`LaunchFailure`].

use serde::{Deserialize, Serialize};

use os_types::{ContainerName, IdMap};

use crate::stage::Stage;
use crate::value::ConfigPath;

/// Everything that is needed to become the monitor of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchSpec {
    /// LXC's name of the container. Its configuration is `<lxc_path>/<id>/config`.
    pub id: ContainerName,
    /// The folder with the container's folder, `-P` of LXC's programs.
    pub lxc_path: ConfigPath,
    /// `lxc-start`.
    pub lxc_program: ConfigPath,
    /// Where the private file system is mounted; an empty folder on the host.
    pub stage: Stage,
    /// The guest's root.
    pub root: RootSource,
    /// Where LXC writes its log.
    pub log: LogFile,
    /// The program of the hooks, attached at [`Stage::helper`].
    pub helper: ConfigPath,
    /// The system user of the container: uid, gid, and no other groups.
    pub ugid: u32,
    /// `HOME`; the user must be able to write there.
    pub home: ConfigPath,
    /// `XDG_RUNTIME_DIR`, where LXC has its lock files; the user must be able to write there.
    pub runtime_dir: ConfigPath,
    /// A folder with `passwd`, `group`, `subuid` and `subgid`, seen instead of those in `/etc`.
    ///
    /// For an osctld with another root than `/`: newuidmap(1) reads `/etc/subuid`, whatever it is
    /// told, so the monitor's view has to have the right one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etc: Option<ConfigPath>,
    /// What of the host stays in view beside what every monitor needs: these paths, what is
    /// mounted below them, and the mounts they lie on.
    #[serde(default)]
    pub keep: Vec<ConfigPath>,
    /// Limits of init and all it starts.
    #[serde(default)]
    pub rlimits: Vec<Rlimit>,
    /// The command line of init.
    #[serde(default = "default_init")]
    pub init: Vec<String>,
    /// LXC's log level is DEBUG, not INFO.
    #[serde(default)]
    pub debug: bool,
    /// The number of the descriptor for the answer.
    pub status_fd: u32,
}

fn default_init() -> Vec<String> {
    vec!["/sbin/init".to_owned()]
}

/// The guest's root as it lies on the pool, and how its ids are shifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootSource {
    /// The folder `private` of the container's dataset; not a symlink.
    pub path: ConfigPath,
    /// Users.
    pub uid_map: IdMap,
    /// Groups.
    pub gid_map: IdMap,
}

/// The log of a container: `0660 root:ugid`, emptied at each start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogFile {
    /// The file, created if it is missing; not a symlink. Its folder is root's alone.
    pub path: ConfigPath,
}

/// One limit. *Source*: setrlimit(2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rlimit {
    /// Its name in lower case without `RLIMIT_`, e.g. `nofile`.
    pub resource: String,
    /// What applies.
    pub soft: RlimitValue,
    /// Up to where the guest may raise it.
    pub hard: RlimitValue,
}

/// The value of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RlimitValue {
    /// None.
    Unlimited,
    /// At most this.
    Limited(u64),
}

/// Why a container could not be started: the step, its object, and what the kernel said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchFailure {
    /// The error with its causes, as a sentence.
    pub message: String,
    /// What it is about: a path, a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The errno, if the kernel gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
}

impl LaunchFailure {
    /// What the helper has written until it closed the descriptor; none: LXC was started.
    ///
    /// *Shape*: text that is no failure becomes one with that text as message, so that nothing the
    /// helper said is lost.
    pub fn read(answer: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(answer);
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let parsed = serde_json::from_str(text);
        Some(parsed.unwrap_or_else(|_| Self {
            message: text.to_owned(),
            object: None,
            errno: None,
        }))
    }
}

impl LaunchSpec {
    /// The container's configuration file.
    pub fn config_file(&self) -> std::path::PathBuf {
        self.lxc_path
            .as_path()
            .join(self.id.as_str())
            .join("config")
    }

    /// The command line of LXC's program, its own name first.
    pub fn arguments(&self) -> Vec<String> {
        let level = if self.debug { "DEBUG" } else { "INFO" };
        let log = self.stage.log();
        let mut args: Vec<String> = [
            self.lxc_program.as_str(),
            "-P",
            self.lxc_path.as_str(),
            "-n",
            self.id.as_str(),
            "-o",
            log.as_str(),
            "-l",
            level,
            // Not on standard error too: that is the same file.
            "-q",
        ]
        .map(str::to_owned)
        .into();
        // LXC splits `lxc.init.cmd` at blanks and has no quotes, so the command line is given here.
        args.extend(["-F", "--"].map(str::to_owned));
        args.extend(self.init.iter().cloned());
        args
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_read_whatever_was_said() {
        assert_eq!(LaunchFailure::read(b"\n"), None);
        let failure = LaunchFailure {
            message: "cannot open /x: no such file".into(),
            object: Some("/x".into()),
            errno: Some(2),
        };
        let json = serde_json::to_vec(&failure).unwrap();
        assert_eq!(LaunchFailure::read(&json), Some(failure));
        let other = LaunchFailure::read(b"thread panicked").unwrap();
        assert_eq!(other.message, "thread panicked");
    }
}
