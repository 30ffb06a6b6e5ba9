//! What a line of LXC's configuration may hold.
//!
//! LXC reads `key = value` line by line: lines end at CR, LF and NUL, blanks around a value are
//! dropped, and so is one pair of equal quotes around it. There is no escape. So a value must not
//! have control characters, and one that LXC would trim is put into quotes. *Source*: LXC,
//! `parse_line` in confile.c.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The longest path the kernel takes (`PATH_MAX`), NUL included.
const PATH_MAX: usize = 4096;

/// Why a text cannot be part of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {text:?} {reason}")]
pub struct ValueError {
    kind: &'static str,
    text: String,
    reason: &'static str,
}

impl os_types::Explain for ValueError {
    fn code(&self) -> os_types::Code {
        os_types::Code::Name
    }
}

impl ValueError {
    pub(crate) fn new(kind: &'static str, text: &str, reason: &'static str) -> Self {
        let text = text.chars().take(80).collect();
        Self { kind, text, reason }
    }
}

/// One line of text without control characters; not empty, for that would clear the key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Value(String);

impl Value {
    /// Checks a text.
    pub fn new(text: impl Into<String>) -> Result<Self, ValueError> {
        let text = text.into();
        if text.is_empty() {
            return Err(ValueError::new("value", &text, "is empty"));
        }
        if text.contains(char::is_control) {
            return Err(ValueError::new("value", &text, "has a control character"));
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Value {
    type Error = ValueError;
    fn try_from(text: String) -> Result<Self, ValueError> {
        Self::new(text)
    }
}

impl From<Value> for String {
    fn from(value: Value) -> Self {
        value.0
    }
}

impl fmt::Display for Value {
    /// As it is written behind `key = `.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let odd = |c: char| c.is_whitespace() || c == '"' || c == '\'';
        if self.0.starts_with(odd) || self.0.ends_with(odd) {
            write!(f, "\"{}\"", self.0)
        } else {
            f.write_str(&self.0)
        }
    }
}

/// An absolute path in UTF-8 without `.`, `..`, empty components or control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "PathBuf", into = "PathBuf")]
pub struct ConfigPath(String);

impl ConfigPath {
    /// Checks a path.
    pub fn new(path: impl AsRef<Path>) -> Result<Self, ValueError> {
        let path = path.as_ref();
        let refuse = |reason| Err(ValueError::new("path", &path.to_string_lossy(), reason));
        let Some(text) = path.to_str() else {
            return refuse("is not UTF-8");
        };
        if !path.is_absolute() {
            return refuse("is not absolute");
        }
        if text.len() >= PATH_MAX {
            return refuse("is too long");
        }
        if text.contains(char::is_control) {
            return refuse("has a control character");
        }
        let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
        let clean: PathBuf = path.components().collect();
        if !path.components().all(plain) || clean.as_os_str() != path.as_os_str() {
            return refuse("has '.', '..' or empty components");
        }
        Ok(Self(text.to_owned()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// The path as the whole value of a key.
    pub(crate) fn value(&self) -> Value {
        Value(self.0.clone())
    }

    /// A path below this one; `name` is a literal in this program.
    pub(crate) fn below(&self, name: &'static str) -> Self {
        Self(format!("{}/{name}", self.0.trim_end_matches('/')))
    }

    /// The path as a word of a shell command: LXC runs hooks through `/bin/sh -c`.
    pub(crate) fn shell_word(&self) -> String {
        os_cmd::shell_word(&self.0)
    }

    /// The path as a field of fstab(5), where blanks and backslashes are octal escapes.
    pub(crate) fn fstab_field(&self) -> String {
        fstab_escape(&self.0)
    }
}

/// Escapes what separates fields in fstab(5) (getmntent(3) undoes it).
pub(crate) fn fstab_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' => out.push_str(r"\040"),
            '\\' => out.push_str(r"\134"),
            '#' => out.push_str(r"\043"),
            other => out.push(other),
        }
    }
    out
}

impl TryFrom<PathBuf> for ConfigPath {
    type Error = ValueError;
    fn try_from(path: PathBuf) -> Result<Self, ValueError> {
        Self::new(path)
    }
}

impl From<ConfigPath> for PathBuf {
    fn from(path: ConfigPath) -> Self {
        Self::from(path.0)
    }
}

impl AsRef<Path> for ConfigPath {
    fn as_ref(&self) -> &Path {
        self.as_path()
    }
}

impl fmt::Display for ConfigPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_plain() {
        for good in ["/", "/a", "/a b/c'd", "/ü"] {
            assert_eq!(ConfigPath::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "", "a", "/a/", "/a//b", "/a/../b", "/./a", "/a\nb", "/a\0b", "/\u{85}",
        ] {
            ConfigPath::new(bad).unwrap_err();
        }
    }

    #[test]
    fn shell_words_are_quoted() {
        let word = |path| ConfigPath::new(path).unwrap().shell_word();
        assert_eq!(word("/usr/bin/x-1"), "/usr/bin/x-1");
        assert_eq!(word("/a b$(id)"), "'/a b$(id)'");
        assert_eq!(word("/a'b"), r"'/a'\''b'");
    }

    #[test]
    fn trimmed_values_are_quoted() {
        let shown = |text: &str| Value::new(text).unwrap().to_string();
        assert_eq!(shown("a b"), "a b");
        assert_eq!(shown(" a"), "\" a\"");
        assert_eq!(shown("'a'"), "\"'a'\"");
        Value::new("").unwrap_err();
        Value::new("a\rlxc.x = y").unwrap_err();
    }
}
