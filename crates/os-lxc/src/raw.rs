//! The administrator's own lines of configuration.
//!
//! They come last, so they win over ours. What they may not do is undo what keeps a container
//! apart from the host and from others, or what osctld relies on to see it.

use serde::{Deserialize, Serialize};

use crate::value::Value;

/// The beginnings of keys that are refused, and why. LXC itself compares beginnings only.
const REFUSED: &[(&str, &str)] = &[
    ("lxc.include", "files elsewhere would not be checked"),
    ("lxc.idmap", "the ids are those of the container's user"),
    ("lxc.rootfs", "the root is the container's dataset"),
    (
        "lxc.hook",
        "use the scripts in the hook folder of the container",
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

/// Why a text is not taken, with the number of its line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RawError {
    /// It is no `lxc.key = value`, comment or empty line.
    #[error("line {line} is not 'lxc.key = value'")]
    Form {
        /// The line, counted from 1.
        line: usize,
    },
    /// It sets what belongs to osctld.
    #[error("line {line} sets {key}, which is not allowed: {reason}")]
    Refused {
        /// The line, counted from 1.
        line: usize,
        /// The key.
        key: String,
        /// Why, as a sentence.
        reason: &'static str,
    },
}

/// A key and its value; none clears the key.
type Line = (String, Option<Value>);

/// Checked lines, without comments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RawConfig {
    text: String,
    lines: Vec<Line>,
}

impl RawConfig {
    /// Reads a text as LXC would.
    pub fn parse(text: &str) -> Result<Self, RawError> {
        let mut lines = Vec::new();
        // LXC ends lines at CR too: the number is the one an editor shows.
        for (index, line) in text.split('\n').enumerate() {
            for part in line.split('\r') {
                lines.extend(parse_line(part, index + 1)?);
            }
        }
        let text = text.to_owned();
        Ok(Self { text, lines })
    }

    /// The text that was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Keys and the text of their values, which is empty to clear a key.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&str, String)> {
        let shown =
            |value: &Option<Value>| value.as_ref().map_or_else(String::new, Value::to_string);
        self.lines
            .iter()
            .map(move |(key, value)| (key.as_str(), shown(value)))
    }
}

fn parse_line(text: &str, line: usize) -> Result<Option<Line>, RawError> {
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
    if let Some((_, reason)) = REFUSED.iter().find(|(begin, _)| covers(begin, key)) {
        let key = key.to_owned();
        return Err(RawError::Refused { line, key, reason });
    }
    let value = unquote(value.trim_matches([' ', '\t']));
    let value = match value {
        "" => None,
        some => Some(Value::new(some).map_err(|_control| form())?),
    };
    Ok(Some((key.to_owned(), value)))
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

impl TryFrom<String> for RawConfig {
    type Error = RawError;
    fn try_from(text: String) -> Result<Self, RawError> {
        Self::parse(&text)
    }
}

impl From<RawConfig> for String {
    fn from(raw: RawConfig) -> Self {
        raw.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_lxc_reads_them() {
        let raw = RawConfig::parse("# x\n\n lxc.sysctl.net.ipv4.ip_forward=1 \nlxc.mount.auto =\n")
            .unwrap();
        let lines: Vec<_> = raw.lines().collect();
        let expected = [
            ("lxc.sysctl.net.ipv4.ip_forward", "1".to_owned()),
            ("lxc.mount.auto", String::new()),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_isolates_is_refused_with_its_line() {
        let refused = |text: &str| match RawConfig::parse(text) {
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
        ] {
            assert_eq!(refused(&format!("{key} = x")), 1);
        }
        assert_eq!(refused("lxc.sysctl.a = 1\rlxc.hook.start = x"), 1);
        assert_eq!(RawConfig::parse("a\nid"), Err(RawError::Form { line: 1 }));
        assert_eq!(
            RawConfig::parse("\nfoo = 1"),
            Err(RawError::Form { line: 2 })
        );
        RawConfig::parse("lxc.cgroup.memory.limit_in_bytes = 1").unwrap();
    }
}
