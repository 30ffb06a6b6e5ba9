//! How values are read from bodies and queries, and their schemas, where the derived ones differ.
//!
//! serde by itself takes a list of values for a struct, which the OpenAPI document does not say.
//! An integer is written without a fraction: `4.0` is refused, although JSON Schema calls it one.

use std::fmt;
use std::marker::PhantomData;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The longest a request may wait for an operation, in milliseconds.
pub const WAIT_MS_MAX: u32 = 60_000;
/// The most records that a history is read for at once.
pub const HISTORY_MAX: u32 = 10_000;
/// Maximum requested duration of an event stream, in milliseconds.
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

/// A number from `MIN` to `MAX`, or null.
pub(crate) fn within<'de, D, const MIN: u32, const MAX: u32>(
    deserializer: D,
) -> Result<Option<u32>, D::Error>
where
    D: Deserializer<'de>,
{
    match Option::deserialize(deserializer)? {
        Some(number) if !(MIN..=MAX).contains(&number) => Err(D::Error::custom(format_args!(
            "{number} is not from {MIN} to {MAX}"
        ))),
        number => Ok(number),
    }
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
    fn integers_have_no_fraction_and_stay_in_their_bounds() {
        assert_eq!(body(r#"{"some":4}"#), Ok(Body { some: Some(4) }));
        for good in ["{}", r#"{"some":null}"#] {
            assert_eq!(body(good), Ok(Body { some: None }), "{good}");
        }
        for bad in ["4.0", "4.5", "-1", "0", "10", "1e300", "\"4\"", "true"] {
            body(&format!(r#"{{"some":{bad}}}"#)).unwrap_err();
        }
    }

    #[test]
    fn a_list_is_not_an_object() {
        let error = body("[4]").unwrap_err();
        assert!(error.contains("an object"), "{error}");
    }
}
