//! Names of entities, as newtypes that can be made only from a valid text.

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {value:?} {reason}")]
pub struct NameError {
    /// What was expected, e.g. `pool name`.
    pub kind: &'static str,
    /// The refused text, cut to 40 characters.
    pub value: String,
    /// The broken rule, e.g. `must not be empty`.
    pub reason: &'static str,
}

impl NameError {
    /// An error about `value`, which is cut so that 100 MB of input do not end in a log.
    pub fn new(kind: &'static str, value: &str, reason: &'static str) -> Self {
        let mut short: String = value.chars().take(40).collect();
        if short.len() < value.len() {
            short.push('…');
        }
        Self {
            kind,
            value: short,
            reason,
        }
    }
}

/// Defines a name: a newtype over `String` whose only constructors check the rule.
macro_rules! name {
    (
        $(#[$doc:meta])*
        $type:ident, $kind:literal, $pattern:literal, $check:path $(, maxLength $max:literal)?
    ) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::names::NameError;
            fn from_str(text: &str) -> Result<Self, $crate::names::NameError> {
                match $check(text) {
                    Ok(()) => Ok(Self(text.to_owned())),
                    Err(reason) => Err($crate::names::NameError::new($kind, text, reason)),
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = $crate::names::NameError;
            fn try_from(text: String) -> Result<Self, $crate::names::NameError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string", $("maxLength": $max,)? "pattern": $pattern
                })
            }
        }
    };
}
pub(crate) use name;

/// Declares a closed set of words: an enum, and how its variants are written everywhere.
macro_rules! words {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize,
            serde::Deserialize, schemars::JsonSchema,
        )]
        pub enum $type { $($(#[$doc])* #[serde(rename = $word)] $variant,)+ }

        impl $type {
            /// All of them, in this order.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

name! {
    /// Name of a pool, e.g. `tank`.
    ///
    /// *Shape*: a letter, then letters, digits, `_`, `-`, `.`; at most 26 characters. That is the
    /// rule of `zpool-create(8)` without `:` (it separates `pool:id`) and shorter, so that names of
    /// datasets and system users keep room for what follows the pool. The words that
    /// `zpool-create(8)` reserves are refused.
    PoolName, "pool name",
    r"^(?!mirror|raidz|draid|spare|log$)[A-Za-z][A-Za-z0-9_.-]{0,25}$", check_pool
}

name! {
    /// Name of an osctl user, e.g. `alice`; unique on its pool.
    ///
    /// *Shape*: `[a-z0-9_-]`, 1 to 100 characters, not beginning with `-`: as long as a container id,
    /// because the user that is made for a container is named after it.
    UserName, "user name",
    r"^[a-z0-9_][a-z0-9_-]{0,99}$", check_user
}

name! {
    /// Name of a group: an absolute path in the tree of groups, e.g. `/`, `/default`, `/a/b`.
    ///
    /// *Shape*: `/`, or up to 16 components `[A-Za-z0-9_-]` of 1 to 100 characters, each led by `/`.
    GroupName, "group name",
    r"^/$|^(/[A-Za-z0-9_][A-Za-z0-9_-]{0,99}){1,16}$", check_group
}

name! {
    /// Name of an id range, e.g. `default`; unique on its pool.
    ///
    /// *Shape*: `[a-z0-9_-]`, 1 to 100 characters, not beginning with `-`.
    IdRangeName, "id range name",
    r"^[a-z0-9_][a-z0-9_-]{0,99}$", check_range
}

name! {
    /// Key of a user attribute, e.g. `org.example:role`.
    ///
    /// *Shape*: `vendor:key`, both 1 to 64 characters `[A-Za-z0-9_.-]`.
    AttrKey, "attribute key",
    r"^[A-Za-z0-9_.-]{1,64}:[A-Za-z0-9_.-]{1,64}$", check_attr
}

pub(crate) fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_' || c == b'-'
}

fn is_lower_word(c: u8) -> bool {
    is_word(c) && !c.is_ascii_uppercase()
}

/// A non-empty run of `allowed` bytes, not beginning with `-` (it would read as an option).
pub(crate) fn check_run(
    text: &str,
    max: usize,
    allowed: fn(u8) -> bool,
) -> Result<(), &'static str> {
    match text.as_bytes() {
        [] => Err("must not be empty"),
        [b'-', ..] => Err("must not begin with '-'"),
        bytes if bytes.len() > max => Err("is too long"),
        bytes if bytes.iter().all(|c| allowed(*c)) => Ok(()),
        _ => Err("has a character that is not allowed"),
    }
}

fn check_user(text: &str) -> Result<(), &'static str> {
    check_run(text, UserName::MAX, is_lower_word)
}

fn check_range(text: &str) -> Result<(), &'static str> {
    check_run(text, 100, is_lower_word)
}

fn check_pool(text: &str) -> Result<(), &'static str> {
    check_run(text, 26, |c| is_word(c) || c == b'.')?;
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err("must begin with a letter");
    }
    let reserved = ["mirror", "raidz", "draid", "spare"];
    if text == "log" || reserved.iter().any(|word| text.starts_with(word)) {
        return Err("is reserved by zpool");
    }
    Ok(())
}

fn check_group(text: &str) -> Result<(), &'static str> {
    if text == "/" {
        return Ok(());
    }
    let Some(rest) = text.strip_prefix('/') else {
        return Err("must begin with '/'");
    };
    if rest.split('/').count() > 16 {
        return Err("has more than 16 components");
    }
    rest.split('/')
        .try_for_each(|part| match check_run(part, 100, is_word) {
            Err("must not be empty") => Err("has an empty component"),
            other => other,
        })
}

fn check_attr(text: &str) -> Result<(), &'static str> {
    let Some((vendor, key)) = text.split_once(':') else {
        return Err("must have the form vendor:key");
    };
    let allowed = |part: &str| {
        (1..=64).contains(&part.len()) && part.bytes().all(|c| is_word(c) || c == b'.')
    };
    if allowed(vendor) && allowed(key) {
        Ok(())
    } else {
        Err("must have the form vendor:key, each part 1 to 64 letters, digits, '_', '-', '.'")
    }
}

impl UserName {
    /// The longest user name, in characters.
    pub const MAX: usize = 100;
}

impl GroupName {
    /// The group that every other group descends from, `/`.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// True for `/`.
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }

    /// The group above, `None` for `/`.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        match self.0.rsplit_once('/') {
            Some(("", _)) | None => Some(Self::root()),
            Some((parent, _)) => Some(Self(parent.to_owned())),
        }
    }

    /// The components from the top, empty for `/`.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// True if `self` lies somewhere below `other`.
    pub fn is_below(&self, other: &Self) -> bool {
        self != other
            && (other.is_root()
                || self
                    .0
                    .strip_prefix(other.as_str())
                    .is_some_and(|rest| rest.starts_with('/')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pool_rules() {
        for good in ["tank", "a", "Tank-2.x_y"] {
            good.parse::<PoolName>().unwrap();
        }
        for bad in [
            "", "1tank", "-t", "a b", "a/b", "..", "a:b", "mirror", "raidz-1", "ta\x07nk", "ä",
        ] {
            bad.parse::<PoolName>().unwrap_err();
        }
        "a".repeat(300).parse::<PoolName>().unwrap_err();
    }

    #[test]
    fn long_names_are_cut_in_errors() {
        let error = "x/".repeat(200).parse::<UserName>().unwrap_err();
        assert!(error.to_string().len() < 120, "{error}");
    }

    #[test]
    fn group_tree() {
        let group: GroupName = "/a/b".parse().unwrap();
        assert_eq!(group.parent().unwrap().as_str(), "/a");
        assert_eq!(group.parent().unwrap().parent().unwrap(), GroupName::root());
        assert!(group.is_below(&"/a".parse().unwrap()));
        assert!(group.is_below(&GroupName::root()));
        assert!(!group.is_below(&"/a/bb".parse().unwrap()));
        assert!(
            !"/ab"
                .parse::<GroupName>()
                .unwrap()
                .is_below(&"/a".parse().unwrap())
        );
        for bad in ["", "a", "//", "/a/", "/a//b", "/a b", "/..", "/-x", "/\0"] {
            bad.parse::<GroupName>().unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_round_trips(text in ".{0,60}") {
            if let Ok(name) = text.parse::<PoolName>() { prop_assert_eq!(name.as_str(), &text); }
            if let Ok(name) = text.parse::<GroupName>() { prop_assert_eq!(name.as_str(), &text); }
            if let Ok(name) = text.parse::<AttrKey>() { prop_assert_eq!(name.as_str(), &text); }
            if let Ok(name) = text.parse::<UserName>() {
                prop_assert!(!name.as_str().contains(['/', ' ', ':', '.', '\0']));
            }
        }
    }
}
