//! LXC configuration written by the administrator.
//!
//! These lines come after those of osctld, so they override them. Accepted are keys that concern
//! nothing but the guest; LXC has more with every release, so what is not listed is refused. Files keep
//! the lines that earlier versions accepted: their containers run as before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{PrlimitName, similar};

/// Maximum length, in bytes.
const LENGTH: usize = 65_536;

/// The keys that are accepted; one that ends with a dot, with anything behind it. `lxc.prlimit.` is
/// accepted with the names of [`PrlimitName`].
const ACCEPTED: &[&str] = &[
    "lxc.environment",
    "lxc.sysctl.",
    "lxc.cgroup.",
    "lxc.cgroup2.",
    "lxc.proc.oom_score_adj",
    "lxc.init.cwd",
    "lxc.tty.max",
    "lxc.pty.max",
    "lxc.sched.core",
];

/// Prefixes of keys that are refused wherever they stand, and why. LXC itself compares prefixes only.
const FORBIDDEN: &[(&str, &str)] = &[
    ("lxc.include", "files elsewhere would not be checked"),
    ("lxc.idmap", "the ids are those of the container's user"),
    ("lxc.rootfs", "the root is the container's dataset"),
    (
        "lxc.hook",
        "use the scripts in the hook directory of the container",
    ),
    ("lxc.apparmor", "the profile is chosen by osctld"),
    ("lxc.selinux", "the context is chosen by osctld"),
    ("lxc.log", "the log is read by `osctl ct log`"),
    ("lxc.console.logfile", "the console log is read by osctld"),
    (
        "lxc.cgroup.dir",
        "osctld finds the container by its control groups",
    ),
    (
        "lxc.cgroup.relative",
        "osctld finds the container by its control groups",
    ),
    ("lxc.init.uid", "init is root in the container"),
    ("lxc.init.gid", "init is root in the container"),
    ("lxc.init.cmd", "use `osctl ct set init-cmd`"),
    ("lxc.execute", "it would be run instead of init"),
    ("lxc.monitor", "the monitor belongs to osctld"),
    (
        "lxc.namespace",
        "a container shares no namespace with others",
    ),
    ("lxc.ephemeral", "use `osctl ct set ephemeral`"),
    ("lxc.uts.name", "use `osctl ct set hostname`"),
];

/// Prefixes of keys that are not accepted either, and why. Earlier versions let them through.
const REFUSED: &[(&str, &str)] = &[
    (
        "lxc.mount",
        "mounts from the host are made by the scripts pre-mount and post-mount",
    ),
    ("lxc.autodev", "the devices are chosen by osctld"),
    ("lxc.cgroup.devices", "the devices are chosen by osctld"),
    ("lxc.cgroup2.devices", "the devices are chosen by osctld"),
    ("lxc.net", "the interfaces are made by osctld"),
    ("lxc.cap", "the capabilities are chosen by osctld"),
    (
        "lxc.seccomp",
        "use `osctl ct set seccomp` or `osctl ct set nesting`",
    ),
    ("lxc.keyring", "a container shares no keyring with the host"),
    ("lxc.console", "the console log is read by osctld"),
    ("lxc.init.groups", "init is root in the container"),
    ("lxc.time", "the clocks of a container begin with its start"),
    ("lxc.signal", "osctld itself asks init to shut down"),
    ("lxc.start", "use `osctl ct set autostart`"),
    ("lxc.group", "use `osctl ct chgrp`"),
    ("lxc.arch", "use `osctl ct set distribution`"),
];

/// Why a text is refused, with the number of its line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RawError {
    /// The text is longer than 64 KiB.
    #[error("has {0} bytes, at most {LENGTH} are allowed")]
    TooLong(usize),
    /// The line is no `lxc.key = value`, comment or empty line.
    #[error("line {line} is not 'lxc.key = value'")]
    Form {
        /// The line, counted from 1.
        line: usize,
    },
    /// The line sets something that belongs to osctld.
    #[error("line {line} sets {key}, which is not allowed: {reason}")]
    Refused {
        /// The line, counted from 1.
        line: usize,
        /// The key.
        key: String,
        /// Why, as a sentence.
        reason: &'static str,
    },
    /// The key is none of those that are accepted.
    #[error("line {line} sets {key}, which is not accepted; {}", advice(.key))]
    Unknown {
        /// The line, counted from 1.
        line: usize,
        /// The key.
        key: String,
    },
}

/// What to write instead of a key that is not accepted.
fn advice(key: &str) -> String {
    let limits = PrlimitName::ALL.iter();
    let limits: Vec<_> = limits.map(|name| format!("{LIMIT}{name}")).collect();
    let keys = ACCEPTED.iter().copied();
    match similar(key, keys.clone().chain(limits.iter().map(String::as_str))) {
        Some(like) => format!("did you mean {like}?"),
        None => format!("there are {LIMIT}, {}", keys.collect::<Vec<_>>().join(", ")),
    }
}

const LIMIT: &str = "lxc.prlimit.";

fn is_accepted(key: &str) -> bool {
    if let Some(limit) = key.strip_prefix(LIMIT) {
        return limit.parse::<PrlimitName>().is_ok();
    }
    ACCEPTED
        .iter()
        .any(|accepted| match key.strip_prefix(accepted) {
            Some(rest) => rest.is_empty() != accepted.ends_with('.'),
            None => false,
        })
}

impl crate::Explain for RawError {
    fn code(&self) -> crate::Code {
        crate::Code::Name
    }
}

/// The number of a line, its key, and its value; `None` clears the key.
type Line<'a> = (usize, &'a str, Option<&'a str>);

/// Lines `lxc.key = value`, with the comments between them. Text from an administrator is parsed by
/// [`FromStr`](std::str::FromStr), or [`RawLxc::check`] follows; in a file only what is forbidden
/// is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RawLxc(String);

impl RawLxc {
    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Keys and values without comments; a value of `None` clears the key.
    pub fn lines(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let lines = parse(&self.0).filter_map(|line| line.ok().flatten());
        lines.map(|(_, key, value)| (key, value))
    }

    /// Whether all its keys are accepted.
    ///
    /// # Errors
    /// The first line whose key is not.
    pub fn check(&self) -> Result<(), RawError> {
        parse(&self.0).try_for_each(|line| match line? {
            Some((line, key, _)) => accept(line, key),
            None => Ok(()),
        })
    }
}

/// Reads a text as LXC does. LXC ends lines at CR, too; the number is the one an editor shows.
fn parse(text: &str) -> impl Iterator<Item = Result<Option<Line<'_>>, RawError>> {
    text.split('\n').enumerate().flat_map(|(index, line)| {
        let parts = line.split('\r');
        parts.map(move |part| parse_line(part, index + 1))
    })
}

fn parse_line(text: &str, line: usize) -> Result<Option<Line<'_>>, RawError> {
    let text = text.trim_matches([' ', '\t']);
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let form = || RawError::Form { line };
    let (key, value) = text.split_once('=').ok_or_else(form)?;
    let key = key.trim_matches([' ', '\t']);
    let word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !key.starts_with("lxc.") || !key.chars().all(word) {
        return Err(form());
    }
    refuse(FORBIDDEN, line, key)?;
    let value = unquote(value.trim_matches([' ', '\t']));
    if value.contains(char::is_control) {
        return Err(form());
    }
    Ok(Some((line, key, (!value.is_empty()).then_some(value))))
}

fn accept(line: usize, key: &str) -> Result<(), RawError> {
    refuse(REFUSED, line, key)?;
    if is_accepted(key) {
        return Ok(());
    }
    let key = key.to_owned();
    Err(RawError::Unknown { line, key })
}

fn refuse(list: &[(&str, &'static str)], line: usize, key: &str) -> Result<(), RawError> {
    let Some((_, reason)) = list.iter().find(|(begin, _)| covers(begin, key)) else {
        return Ok(());
    };
    let key = key.to_owned();
    Err(RawError::Refused { line, key, reason })
}

/// Whether setting `key` sets what begins with `refused`: `lxc.hook` clears all of `lxc.hook.*`.
fn covers(refused: &str, key: &str) -> bool {
    key.starts_with(refused)
        || refused
            .strip_prefix(key)
            .is_some_and(|rest| rest.starts_with('.'))
}

/// Takes off one pair of quotes, as LXC does.
fn unquote(value: &str) -> &str {
    for quote in ['"', '\''] {
        let inner = value
            .strip_prefix(quote)
            .and_then(|it| it.strip_suffix(quote));
        if let Some(inner) = inner {
            return inner;
        }
    }
    value
}

impl std::str::FromStr for RawLxc {
    type Err = RawError;

    fn from_str(text: &str) -> Result<Self, RawError> {
        let raw = Self::try_from(text.to_owned())?;
        raw.check().map(|()| raw)
    }
}

impl TryFrom<String> for RawLxc {
    type Error = RawError;

    fn try_from(text: String) -> Result<Self, RawError> {
        if text.len() > LENGTH {
            return Err(RawError::TooLong(text.len()));
        }
        parse(&text).try_for_each(|line| line.map(drop))?;
        Ok(Self(text))
    }
}

impl From<RawLxc> for String {
    fn from(raw: RawLxc) -> Self {
        raw.0
    }
}

impl JsonSchema for RawLxc {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RawLxc".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "maxLength": LENGTH })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_all(text: &str) -> Result<RawLxc, RawError> {
        text.parse()
    }

    #[test]
    fn lines_are_read_as_lxc_reads_them() {
        let raw =
            parse_all("# x\n\n lxc.sysctl.net.ipv4.ip_forward=1 \nlxc.environment =\n").unwrap();
        let lines: Vec<_> = raw.lines().collect();
        let expected = [
            ("lxc.sysctl.net.ipv4.ip_forward", Some("1")),
            ("lxc.environment", None),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_isolates_is_refused_with_its_line() {
        let refused = |text: &str| match parse_all(text) {
            Err(RawError::Refused { line, .. }) => line,
            other => panic!("{text:?}: {other:?}"),
        };
        assert_eq!(refused("\nlxc.idmap = u 0 0 1"), 2);
        for key in [
            "lxc.include",
            "lxc.hook.mount",
            "lxc.hook",
            "lxc.rootfs.path",
            "lxc.rootfs",
            "lxc.apparmor.profile",
            "lxc.log.file",
            "lxc.cgroup.dir",
            "lxc.cgroup.dir.container",
            "lxc.cgroup",
            "lxc.init.uid",
            "lxc.init.gid",
            "lxc.execute.cmd",
            "lxc.monitor.unshare",
            "lxc.namespace.share.net",
            "lxc.console.logfile",
            "lxc.mount.entry",
            "lxc.mount.fstab",
            "lxc.net.0.script.up",
            "lxc.cap.drop",
            "lxc.cgroup2.devices.allow",
        ] {
            assert_eq!(refused(&format!("{key} = x")), 1);
        }
        assert_eq!(refused("lxc.sysctl.a = 1\rlxc.hook.start = x"), 1);
        assert_eq!(parse_all("a\nid"), Err(RawError::Form { line: 1 }));
        assert_eq!(parse_all("\nfoo = 1"), Err(RawError::Form { line: 2 }));
    }

    #[test]
    fn a_file_keeps_what_earlier_versions_accepted() {
        let text = "lxc.tty.max = 1\nlxc.cap.drop = sys_time\n";
        let kept = RawLxc::try_from(text.to_owned()).unwrap();
        assert_eq!(kept.lines().count(), 2);
        assert!(matches!(
            kept.check(),
            Err(RawError::Refused { line: 2, .. })
        ));
        RawLxc::try_from("lxc.idmap = u 0 0 1".to_owned()).unwrap_err();
    }

    #[test]
    fn only_listed_keys_are_accepted() {
        for key in [
            "lxc.cgroup.memory.limit_in_bytes",
            "lxc.cgroup2.memory.max",
            "lxc.prlimit.nofile",
            "lxc.tty.max",
        ] {
            parse_all(&format!("{key} = 1")).unwrap();
        }
        let refusal = |key: &str| parse_all(&format!("{key} = 1")).unwrap_err().to_string();
        for (typo, meant) in [
            ("lxc.environments", "lxc.environment"),
            // LXC would take it for lxc.environment.
            ("lxc.environmental", "lxc.environment"),
            ("lxc.prlimit.nofiel", "lxc.prlimit.nofile"),
            ("lxc.tty.mac", "lxc.tty.max"),
        ] {
            let expected =
                format!("line 1 sets {typo}, which is not accepted; did you mean {meant}?");
            assert_eq!(refusal(typo), expected);
        }
        let text = refusal("lxc.something.new");
        assert!(
            text.contains("there are lxc.prlimit., lxc.environment,"),
            "{text}"
        );
        refusal("lxc.sysctl");
        refusal("lxc.sysctl.");
    }
}
