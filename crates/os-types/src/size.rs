//! Sizes in bytes, as people write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::names::NameError;

/// A number of bytes; serialised as a plain number.
///
/// *Shape*: parsed from `4096`, `10G`, `1.5T`, `512 MiB` (powers of 1024, upper or lower case);
/// shown with the largest unit that keeps it at least 1, one decimal: `1.5T`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct ByteSize(pub u64);

const UNITS: [(char, u32); 6] = [
    ('K', 10),
    ('M', 20),
    ('G', 30),
    ('T', 40),
    ('P', 50),
    ('E', 60),
];

impl ByteSize {
    /// `count` mebibytes.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// `count` gibibytes.
    pub const fn gib(count: u64) -> Self {
        Self(count << 30)
    }
}

impl FromStr for ByteSize {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |reason| NameError::new("size", text, reason);
        let split = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let shift = match unit.trim().to_ascii_uppercase().as_str() {
            "" | "B" => 0,
            unit => {
                let mut chars = unit.chars();
                let letter = chars.next();
                let rest = chars.as_str();
                let known = UNITS.iter().find(|(name, _)| Some(*name) == letter);
                match (known, rest) {
                    (Some((_, shift)), "" | "B" | "IB") => *shift,
                    _ => return Err(refuse("has an unknown unit (use K, M, G, T, P or E)")),
                }
            }
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.len() > 6 {
            return Err(refuse("has too many decimals"));
        }
        let whole: u64 = whole.parse().map_err(|_error| refuse("is not a number"))?;
        let mut bytes = u128::from(whole) << shift;
        if !fraction.is_empty() {
            let part: u32 = fraction
                .parse()
                .map_err(|_error| refuse("is not a number"))?;
            let scale = 10_u128.pow(u32::try_from(fraction.len()).unwrap_or(6));
            bytes += (u128::from(part) << shift) / scale;
        }
        u64::try_from(bytes)
            .map(Self)
            .map_err(|_error| refuse("is larger than 16E"))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((unit, shift)) = UNITS.iter().rev().find(|(_, shift)| self.0 >> shift > 0) else {
            return write!(f, "{}", self.0);
        };
        let tenths = (u128::from(self.0) * 10) >> shift;
        if tenths % 10 == 0 {
            write!(f, "{}{unit}", tenths / 10)
        } else {
            write!(f, "{}.{}{unit}", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("1k", 1024),
            ("10G", 10 << 30),
            ("1.5T", 3 << 39),
            ("512 MiB", 512 << 20),
            ("2GB", 2 << 30),
        ] {
            assert_eq!(text.parse::<ByteSize>().unwrap().0, bytes, "{text}");
        }
        for bad in [
            "",
            "G",
            "-1",
            "1X",
            "1GG",
            "17179869184G",
            "1.1234567G",
            "ten",
        ] {
            bad.parse::<ByteSize>().unwrap_err();
        }
    }

    #[test]
    fn shows_the_largest_unit() {
        assert_eq!(ByteSize(1023).to_string(), "1023");
        assert_eq!(ByteSize::gib(10).to_string(), "10G");
        assert_eq!(ByteSize(3 << 39).to_string(), "1.5T");
        assert_eq!(ByteSize(u64::MAX).to_string(), "15.9E");
    }
}
