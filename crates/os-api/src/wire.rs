//! How values are read from bodies and queries, and their schemas, where the derived ones differ.
//!
//! Two things that serde does by itself are not what the OpenAPI document says: it takes a list of
//! values for a struct, and it refuses `127.0` for an integer, which in JSON Schema it is.

use std::fmt;
use std::marker::PhantomData;

use os_types::ByteSize;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The longest a request may wait for an operation, in milliseconds.
pub const WAIT_MS_MAX: u32 = 60_000;
/// The most records that a history is read for at once.
pub const HISTORY_MAX: u32 = 10_000;
/// The longest that an event stream may be told to last, in milliseconds.
pub const EVENTS_MS_MAX: u32 = 3_600_000;
/// The last id of a host: 4294967295 means "no id" to the kernel.
pub const ID_MAX: u32 = u32::MAX - 1;
/// The smallest image of a loop pool, in bytes.
pub const IMAGE_MIN: u64 = 256 << 20;
/// The largest: what the kernel has file offsets for (`loff_t`).
pub const IMAGE_MAX: u64 = i64::MAX as u64;

/// Reads a `T` from an object and nothing else, in particular not from a list.
pub(crate) fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(Object(PhantomData))
}

/// An integer that is not negative, also if written with a fraction of zero.
struct Whole(u64);

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
    fn fit<E: Error>(self) -> Result<u32, E> {
        u32::try_from(self.0)
            .map_err(|_error| E::custom(format_args!("{} is out of 32 bits", self.0)))
    }
}

/// A number of 32 bits.
pub(crate) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Whole::deserialize(deserializer)?.fit()
}

/// A number of 32 bits, or null.
pub(crate) fn whole_or_none<'de, D>(deserializer: D) -> Result<Option<u32>, D::Error>
where
    D: Deserializer<'de>,
{
    let whole = Option::<Whole>::deserialize(deserializer)?;
    whole.map(Whole::fit).transpose()
}

/// A number from `MIN` to `MAX`, or null.
pub(crate) fn within<'de, D, const MIN: u32, const MAX: u32>(
    deserializer: D,
) -> Result<Option<u32>, D::Error>
where
    D: Deserializer<'de>,
{
    let number = whole_or_none(deserializer)?;
    match number {
        Some(number) if !(MIN..=MAX).contains(&number) => Err(D::Error::custom(format_args!(
            "{number} is not from {MIN} to {MAX}"
        ))),
        number => Ok(number),
    }
}

/// A number of bytes.
pub(crate) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
    Whole::deserialize(deserializer).map(|whole| ByteSize(whole.0))
}

/// The schema of a path of the host, or null: absolute, no `..`, no control characters.
///
/// `not` stands beside `type: string` alone: what is no string matches every pattern.
pub(crate) fn path_or_none(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        {
            "type": "string",
            "pattern": r"^/[^\u0000-\u001f\u007f-\u009f]*$",
            "not": { "pattern": r"/\.\.(/|$)" },
        },
        { "type": "null" },
    ] })
}

/// The schema of a new owner of blocks, or null.
pub(crate) fn owner_or_none(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 100,
            "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$",
            "allOf": [{ "pattern": r"\S" }, { "not": { "pattern": "^user:" } }],
        },
        { "type": "null" },
    ] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Body {
        #[serde(default, deserialize_with = "within::<_, 1, 9>")]
        some: Option<u32>,
    }

    fn body(json: &str) -> Result<Body, String> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        object(&mut deserializer).map_err(|error| error.to_string())
    }

    #[test]
    fn whole_numbers_are_integers_however_written() {
        for good in [r#"{"some":4}"#, r#"{"some":4.0}"#, r#"{"some":4e0}"#] {
            assert_eq!(body(good), Ok(Body { some: Some(4) }), "{good}");
        }
        for good in ["{}", r#"{"some":null}"#] {
            assert_eq!(body(good), Ok(Body { some: None }), "{good}");
        }
        for bad in ["4.5", "-1", "-1.0", "0", "10", "1e300", "\"4\"", "true"] {
            body(&format!(r#"{{"some":{bad}}}"#)).unwrap_err();
        }
    }

    #[test]
    fn a_list_is_not_an_object() {
        let error = body("[4]").unwrap_err();
        assert!(error.contains("an object"), "{error}");
    }
}
