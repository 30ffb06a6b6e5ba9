//! One cell of a listing.

use std::cell::OnceCell;
use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use os_types::ByteSize;
use serde_json::Value as Json;

use crate::printer::printable;

/// What a parameter of an entity is, typed, so that it sorts by what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing, shown as `-`.
    Missing,
    /// A text.
    Text(String),
    /// A plain number.
    Number(u64),
    /// A number of bytes, shown as `1.5G`.
    Bytes(u64),
    /// A time span in microseconds, shown as `1.5s` or `3m 20s`.
    Micros(u64),
    /// A point in time, shown in the local time zone.
    Time(Timestamp),
    /// Yes or no.
    Flag(bool),
    /// Several texts, shown joined by commas.
    List(Vec<String>),
}

/// How values are shown.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    /// For programs: raw numbers, times in UTC.
    pub(crate) parsable: bool,
    /// The zone of times for people; empty: the host's. Finding its name means listing a directory
    /// of some hundred files, so it is done only for times.
    pub(crate) zone: OnceCell<TimeZone>,
    /// What stands at the end of a cell that is cut.
    pub(crate) ellipsis: char,
}

/// The text of anything that has one.
pub(crate) fn text(value: impl fmt::Display) -> Value {
    Value::Text(value.to_string())
}

impl Value {
    /// As shown in a table. Never empty, without control characters.
    pub(crate) fn render(&self, style: &Style) -> String {
        let shown = match self {
            Self::Missing => String::new(),
            Self::Text(text) => printable(text).into_owned(),
            Self::Number(number) => number.to_string(),
            Self::Bytes(number) if style.parsable => number.to_string(),
            Self::Bytes(number) => ByteSize(*number).to_string(),
            Self::Micros(number) if style.parsable => number.to_string(),
            Self::Micros(number) => span(*number),
            Self::Time(time) if style.parsable => time.to_string(),
            Self::Time(time) => {
                let local = time.to_zoned(style.zone.get_or_init(TimeZone::system).clone());
                local.strftime("%Y-%m-%d %H:%M:%S").to_string()
            }
            Self::Flag(flag) => flag.to_string(),
            Self::List(parts) => printable(&parts.join(",")).into_owned(),
        };
        if shown.is_empty() {
            "-".to_owned()
        } else {
            shown
        }
    }

    /// True if it is written right-aligned, below and above others of its kind.
    pub(crate) const fn is_number(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Bytes(_) | Self::Micros(_))
    }

    /// The order of raw values; what is missing comes first.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Missing, Self::Missing) => Ordering::Equal,
            (Self::Missing, _) => Ordering::Less,
            (_, Self::Missing) => Ordering::Greater,
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b))
            | (Self::Bytes(a), Self::Bytes(b))
            | (Self::Micros(a), Self::Micros(b)) => a.cmp(b),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Flag(a), Self::Flag(b)) => a.cmp(b),
            (Self::List(a), Self::List(b)) => a.cmp(b),
            // A column has one kind of value.
            _ => Ordering::Equal,
        }
    }

    /// As JSON, raw.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Self::Missing => Json::Null,
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) | Self::Bytes(number) | Self::Micros(number) => (*number).into(),
            Self::Time(time) => time.to_string().into(),
            Self::Flag(flag) => (*flag).into(),
            Self::List(parts) => parts.as_slice().into(),
        }
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<ByteSize> for Value {
    fn from(size: ByteSize) -> Self {
        Self::Bytes(size.0)
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// A time span in its two largest units.
fn span(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    match seconds {
        0..60 => format!("{seconds}.{}s", micros / 100_000 % 10),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_programs_read_different_things() {
        let mut style = Style {
            parsable: false,
            zone: TimeZone::UTC.into(),
            ellipsis: '…',
        };
        let values = [
            Value::Missing,
            text(""),
            text("a\tb"),
            Value::Bytes(3 << 29),
            Value::Micros(1_540_000),
            Value::Micros(200_000_000),
            Value::Micros(90_061_000_000),
            Value::Time("2026-11-22T21:30:15.123Z".parse().unwrap()),
            Value::List(vec!["a".into(), "b".into()]),
        ];
        let shown = |style: &Style| values.clone().map(|value| value.render(style)).join(" | ");
        insta::assert_snapshot!(shown(&style),
            @r"- | - | a\tb | 1.5G | 1.5s | 3m 20s | 1d 1h | 2026-11-22 21:30:15 | a,b");
        style.parsable = true;
        insta::assert_snapshot!(shown(&style),
            @r"- | - | a\tb | 1610612736 | 1540000 | 200000000 | 90061000000 | 2026-11-22T21:30:15.123Z | a,b");
    }
}
