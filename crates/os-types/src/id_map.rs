//! User namespace id maps and the question whether they are disjoint.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::names::NameError;

/// A run of host ids, `first` to `first + count - 1`.
///
/// Invariant: `count` is not 0 and the last id is below 2^32 - 1, which the kernel reserves as
/// "no id" (`user_namespaces(7)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdSpan {
    first: u32,
    count: u32,
}

impl IdSpan {
    /// The run of `count` ids from `first`; `None` if empty or reaching over the last valid id.
    pub fn new(first: u32, count: u32) -> Option<Self> {
        let end = u64::from(first) + u64::from(count);
        (count > 0 && u32::try_from(end).is_ok()).then_some(Self { first, count })
    }

    /// The first id.
    pub fn first(self) -> u32 {
        self.first
    }

    /// The last id.
    pub fn last(self) -> u32 {
        self.first + (self.count - 1)
    }

    /// How many ids.
    pub fn count(self) -> u32 {
        self.count
    }

    /// True if an id is in both.
    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last() && other.first <= self.last()
    }

    /// True if every id of `other` is in `self`.
    pub fn contains(self, other: Self) -> bool {
        self.first <= other.first && other.last() <= self.last()
    }
}

impl fmt::Display for IdSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last())
    }
}

/// One line of a map: `count` ids from `ns` inside stand for as many from `host` outside.
///
/// *Shape*: `ns:host:count`, e.g. `0:1000000:65536`, serialised as that text.
/// *Source*: `user_namespaces(7)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdMapEntry {
    ns: IdSpan,
    host: IdSpan,
}

impl IdMapEntry {
    /// The entry `ns:host:count`; `None` if a side is empty or leaves 32 bits.
    pub fn new(ns: u32, host: u32, count: u32) -> Option<Self> {
        Some(Self {
            ns: IdSpan::new(ns, count)?,
            host: IdSpan::new(host, count)?,
        })
    }

    /// The ids inside the namespace.
    pub fn ns(self) -> IdSpan {
        self.ns
    }

    /// The ids on the host.
    pub fn host(self) -> IdSpan {
        self.host
    }
}

impl FromStr for IdMapEntry {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |reason| NameError::new("id map entry", text, reason);
        let mut parts = text.split(':').map(str::parse::<u32>);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Ok(ns)), Some(Ok(host)), Some(Ok(count)), None) => Self::new(ns, host, count)
                .ok_or_else(|| refuse("is empty or reaches beyond id 4294967294")),
            _ => Err(refuse(
                "must have the form ns:host:count with 32-bit numbers",
            )),
        }
    }
}

impl TryFrom<String> for IdMapEntry {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<IdMapEntry> for String {
    fn from(entry: IdMapEntry) -> Self {
        entry.to_string()
    }
}

impl fmt::Display for IdMapEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}",
            self.ns.first, self.host.first, self.host.count
        )
    }
}

impl schemars::JsonSchema for IdMapEntry {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "IdMapEntry".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "pattern": r"^[0-9]{1,10}:[0-9]{1,10}:[1-9][0-9]{0,9}$"
        })
    }
}

/// A whole uid or gid map.
///
/// Invariants: 1 to 340 entries (the kernel's limit since 4.15), no two overlap on either side, id
/// 0 of the namespace is mapped. Serialised as a list of `ns:host:count`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<IdMapEntry>", into = "Vec<IdMapEntry>")]
pub struct IdMap(Vec<IdMapEntry>);

/// Why entries do not make a map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdMapError {
    /// No entry at all, or more than the kernel takes.
    #[error("an id map has 1 to 340 entries, not {0}")]
    Length(usize),
    /// Two entries share an id on one side.
    #[error("id map entries {0} and {1} overlap")]
    Overlap(IdMapEntry, IdMapEntry),
    /// The namespace would have no root.
    #[error("the id map does not map id 0 of the namespace")]
    NoRoot,
}

impl IdMap {
    /// The entries in the order given.
    pub fn entries(&self) -> &[IdMapEntry] {
        &self.0
    }

    /// The runs of host ids, one an entry.
    pub fn host_spans(&self) -> impl Iterator<Item = IdSpan> {
        self.0.iter().map(|entry| entry.host)
    }

    /// The first pair of overlapping runs of this map and another, on the host side.
    pub fn overlap(&self, other: &Self) -> Option<(IdSpan, IdSpan)> {
        self.host_spans().find_map(|mine| {
            other
                .host_spans()
                .find(|theirs| mine.overlaps(*theirs))
                .map(|theirs| (mine, theirs))
        })
    }

    /// The host id that id 0 of the namespace stands for.
    pub fn root(&self) -> u32 {
        let holds_zero = self.0.iter().find(|entry| entry.ns.first == 0);
        holds_zero.expect("an id map always maps id 0").host.first
    }
}

impl TryFrom<Vec<IdMapEntry>> for IdMap {
    type Error = IdMapError;

    fn try_from(entries: Vec<IdMapEntry>) -> Result<Self, IdMapError> {
        if !(1..=340).contains(&entries.len()) {
            return Err(IdMapError::Length(entries.len()));
        }
        for (index, a) in entries.iter().enumerate() {
            for b in entries.iter().skip(index + 1) {
                if a.ns.overlaps(b.ns) || a.host.overlaps(b.host) {
                    return Err(IdMapError::Overlap(*a, *b));
                }
            }
        }
        if entries.iter().all(|entry| entry.ns.first != 0) {
            return Err(IdMapError::NoRoot);
        }
        Ok(Self(entries))
    }
}

impl From<IdMap> for Vec<IdMapEntry> {
    fn from(map: IdMap) -> Self {
        map.0
    }
}

impl schemars::JsonSchema for IdMap {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "IdMap".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let entry = generator.subschema_for::<IdMapEntry>();
        schemars::json_schema!({ "type": "array", "items": entry, "minItems": 1, "maxItems": 340 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn map(entries: &[&str]) -> Result<IdMap, IdMapError> {
        entries
            .iter()
            .map(|e| e.parse().unwrap())
            .collect::<Vec<IdMapEntry>>()
            .try_into()
    }

    #[test]
    fn rules_of_a_map() {
        assert_eq!(map(&["0:1000000:65536"]).unwrap().root(), 1_000_000);
        assert_eq!(map(&[]), Err(IdMapError::Length(0)));
        assert_eq!(map(&["1:5:5"]), Err(IdMapError::NoRoot));
        assert!(matches!(
            map(&["0:10:10", "5:100:10"]),
            Err(IdMapError::Overlap(..))
        ));
        assert!(matches!(
            map(&["0:10:10", "10:15:10"]),
            Err(IdMapError::Overlap(..))
        ));
    }

    #[test]
    fn refuses_ids_out_of_32_bits() {
        for bad in [
            "0:4294967295:1",
            "0:4294967294:2",
            "0:0:0",
            "4294967296:0:1",
            "0:1",
            "0:1:1:1",
            "a",
        ] {
            bad.parse::<IdMapEntry>().unwrap_err();
        }
        "0:4294967294:1".parse::<IdMapEntry>().unwrap();
    }

    proptest! {
        #[test]
        fn overlap_is_shared_ids(a in 0u32..50, an in 1u32..20, b in 0u32..50, bn in 1u32..20) {
            let (x, y) = (IdSpan::new(a, an).unwrap(), IdSpan::new(b, bn).unwrap());
            let shared = (x.first()..=x.last()).any(|id| (y.first()..=y.last()).contains(&id));
            prop_assert_eq!(x.overlaps(y), shared);
            prop_assert_eq!(y.overlaps(x), shared);
        }
    }
}
