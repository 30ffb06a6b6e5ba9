//! Limits of processes, as setrlimit(2) has them.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::names::{NameError, words};

words! {
    /// What a limit is about, named as in lxc.container.conf(5), `lxc.prlimit.*`.
    PrlimitName {
        /// Address space, in bytes
        As = "as",
        /// Size of a core dump, in bytes
        Core = "core",
        /// Processor time of one process, in seconds
        Cpu = "cpu",
        /// Data segment, in bytes
        Data = "data",
        /// Size of a file, in bytes
        Fsize = "fsize",
        /// Number of file locks; has no effect since Linux 2.4.25
        Locks = "locks",
        /// Locked memory, in bytes
        Memlock = "memlock",
        /// POSIX message queues of a user, in bytes
        Msgqueue = "msgqueue",
        /// Ceiling of the nice value, as 20 minus the value
        Nice = "nice",
        /// Number of open files of one process
        Nofile = "nofile",
        /// Number of processes of a user
        Nproc = "nproc",
        /// Resident set, in bytes; has no effect since Linux 2.4.30
        Rss = "rss",
        /// Ceiling of the real-time priority
        Rtprio = "rtprio",
        /// Real-time processor time without a system call, in microseconds
        Rttime = "rttime",
        /// Number of queued signals of a user
        Sigpending = "sigpending",
        /// Stack, in bytes
        Stack = "stack",
    }
}

impl FromStr for PrlimitName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let found = Self::ALL.iter().find(|name| name.as_str() == text);
        let reason = "is none of as, core, cpu, data, fsize, locks, memlock, msgqueue, nice, \
            nofile, nproc, rss, rtprio, rttime, sigpending, stack";
        found
            .copied()
            .ok_or_else(|| NameError::new("limit", text, reason))
    }
}

/// The value of a limit: a number, or `unlimited`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitValue {
    /// At most this; never more than 2^63 - 1, the largest integer of TOML.
    Limited(u64),
    /// No limit.
    Unlimited,
}

const UNLIMITED: &str = "unlimited";
const LARGEST: u64 = i64::MAX as u64;

impl LimitValue {
    /// The number; `None` if there is no limit.
    pub const fn number(self) -> Option<u64> {
        match self {
            Self::Limited(number) => Some(number),
            Self::Unlimited => None,
        }
    }

    fn limited(number: u64) -> Result<Self, NameError> {
        if number <= LARGEST {
            return Ok(Self::Limited(number));
        }
        let text = number.to_string();
        Err(NameError::new(
            "limit",
            &text,
            "is more than 9223372036854775807; write `unlimited`",
        ))
    }
}

impl fmt::Display for LimitValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limited(number) => write!(f, "{number}"),
            Self::Unlimited => f.write_str(UNLIMITED),
        }
    }
}

impl FromStr for LimitValue {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text == UNLIMITED {
            return Ok(Self::Unlimited);
        }
        let number = text.parse();
        let refuse = |_| NameError::new("limit", text, "is neither a number nor `unlimited`");
        Self::limited(number.map_err(refuse)?)
    }
}

impl Serialize for LimitValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Limited(number) => serializer.serialize_u64(*number),
            Self::Unlimited => serializer.serialize_str(UNLIMITED),
        }
    }
}

impl<'de> Deserialize<'de> for LimitValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LimitVisitor;

        impl Visitor<'_> for LimitVisitor {
            type Value = LimitValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or \"unlimited\"")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<LimitValue, E> {
                LimitValue::limited(number).map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<LimitValue, E> {
                u64::try_from(number)
                    .map(LimitValue::Limited)
                    .map_err(|_negative| {
                        E::invalid_value(serde::de::Unexpected::Signed(number), &self)
                    })
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<LimitValue, E> {
                if text == UNLIMITED {
                    return Ok(LimitValue::Unlimited);
                }
                Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(LimitVisitor)
    }
}

impl JsonSchema for LimitValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LimitValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": LARGEST },
            { "type": "string", "enum": [UNLIMITED] },
        ] })
    }
}

/// A limit of each process of a container.
///
/// *Shape*: in TOML and JSON `soft` and `hard`, each a number or `"unlimited"`; `soft` is not above
/// `hard`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Parts")]
#[schemars(!try_from, deny_unknown_fields)]
pub struct Prlimit {
    /// The limit that applies.
    soft: LimitValue,
    /// How far an unprivileged process may raise it.
    hard: LimitValue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    soft: LimitValue,
    hard: LimitValue,
}

impl Prlimit {
    /// A limit.
    ///
    /// # Errors
    /// When `soft` is above `hard`, which the kernel refuses.
    pub fn new(soft: LimitValue, hard: LimitValue) -> Result<Self, NameError> {
        if soft <= hard {
            return Ok(Self { soft, hard });
        }
        Err(NameError::new(
            "soft limit",
            &soft.to_string(),
            "is above the hard limit",
        ))
    }

    /// The limit that applies.
    pub const fn soft(self) -> LimitValue {
        self.soft
    }

    /// How far an unprivileged process may raise it.
    pub const fn hard(self) -> LimitValue {
        self.hard
    }
}

impl TryFrom<Parts> for Prlimit {
    type Error = NameError;

    fn try_from(parts: Parts) -> Result<Self, NameError> {
        Self::new(parts.soft, parts.hard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbers_or_unlimited() {
        for (text, json) in [("0", "0"), ("1024", "1024"), ("unlimited", "\"unlimited\"")] {
            let value: LimitValue = text.parse().unwrap();
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
            assert_eq!(serde_json::from_str::<LimitValue>(json).unwrap(), value);
            assert_eq!(value.to_string(), text);
        }
        for bad in ["-1", "1.5", "\"none\"", "9223372036854775808", "true"] {
            serde_json::from_str::<LimitValue>(bad).unwrap_err();
            bad.trim_matches('"').parse::<LimitValue>().unwrap_err();
        }
    }

    #[test]
    fn a_soft_limit_is_not_above_the_hard_one() {
        let parse = serde_json::from_str::<Prlimit>;
        parse(r#"{"soft":1,"hard":1}"#).unwrap();
        parse(r#"{"soft":1,"hard":"unlimited"}"#).unwrap();
        for bad in [
            r#"{"soft":2,"hard":1}"#,
            r#"{"soft":"unlimited","hard":1}"#,
            r#"{"soft":1}"#,
            r#"{"soft":1,"hard":1,"x":1}"#,
        ] {
            parse(bad).unwrap_err();
        }
    }

    #[test]
    fn names_are_those_on_the_wire() {
        for name in PrlimitName::ALL {
            let json = serde_json::to_string(&name).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(name.as_str().parse::<PrlimitName>().unwrap(), name);
        }
        "files".parse::<PrlimitName>().unwrap_err();
    }
}
