//! Integers as JSON Schema has them: `127.0` is one, for which serde by itself takes none.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// An integer that is not negative, also if written with a fraction of zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole(u64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WholeVisitor;

        impl Visitor<'_> for WholeVisitor {
            type Value = Whole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer that is not negative")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Whole, E> {
                Ok(Whole(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Whole, E> {
                let fits = u64::try_from(value);
                fits.map(Whole).map_err(|_negative| {
                    E::invalid_value(serde::de::Unexpected::Signed(value), &self)
                })
            }

            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number from 0 to 2^53 is the same as an integer"
            )]
            fn visit_f64<E: Error>(self, value: f64) -> Result<Whole, E> {
                const EXACT: f64 = 9_007_199_254_740_992.0;
                if value.fract() == 0.0 && (0.0..=EXACT).contains(&value) {
                    Ok(Whole(value as u64))
                } else {
                    Err(E::invalid_value(serde::de::Unexpected::Float(value), &self))
                }
            }
        }

        deserializer.deserialize_u64(WholeVisitor)
    }
}

impl Whole {
    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// It as a number of 32 bits.
    ///
    /// # Errors
    /// When it is larger.
    pub fn fit<E: Error>(self) -> Result<u32, E> {
        u32::try_from(self.0)
            .map_err(|_error| E::custom(format_args!("{} is out of 32 bits", self.0)))
    }
}

/// Reads a number of 32 bits.
///
/// # Errors
/// When it is negative, larger, or no whole number.
pub fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Whole::deserialize(deserializer)?.fit()
}
