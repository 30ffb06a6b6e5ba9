//! Builds path and query of a request from the typed parameters of its endpoint.

use std::fmt::{self, Write};

use os_api::endpoint::{COMMAND_PATH, CommandQuery, Endpoint, PLAN_PATH};
use os_types::{Code, Failure};
use serde::Serialize;
use serde_json::Value as Json;

/// Path and query of a request, e.g. `/v1/groups/tank/%2Fa%2Fb`.
#[derive(Debug, Clone)]
pub(super) struct Address(String);

impl Address {
    /// The address of an endpoint.
    pub(super) fn of<E: Endpoint>(path: &E::Path, query: &E::Query) -> Result<Self, Failure> {
        Self::fill(E::PATH, &members(path)?, &members(query)?)
    }

    /// The address of a command.
    pub(super) fn of_command(name: &str, query: &CommandQuery) -> Result<Self, Failure> {
        let parts = [("command".to_owned(), Json::from(name))];
        Self::fill(COMMAND_PATH, &parts, &members(query)?)
    }

    /// The address of the plan of a command.
    pub(super) fn of_plan(name: &str) -> Result<Self, Failure> {
        Self::fill(PLAN_PATH, &[("command".to_owned(), name.into())], &[])
    }

    /// A fixed path with a query.
    pub(super) fn plain(path: &str, query: &impl Serialize) -> Result<Self, Failure> {
        Self::fill(path, &[], &members(query)?)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn fill(
        template: &str,
        parts: &[(String, Json)],
        query: &[(String, Json)],
    ) -> Result<Self, Failure> {
        let mut address = String::new();
        for (index, piece) in template.split(['{', '}']).enumerate() {
            // The template alternates between literal text and parameter names.
            if index % 2 == 0 {
                address.push_str(piece);
                continue;
            }
            let part = parts.iter().find(|(name, _)| name == piece);
            let (_, value) = part.ok_or_else(|| internal(&format!("{template}: no {piece}")))?;
            encode(&plain_text(value), &mut address);
        }
        for (index, (name, value)) in query.iter().enumerate() {
            address.push(if index == 0 { '?' } else { '&' });
            encode(name, &mut address);
            address.push('=');
            encode(&plain_text(value), &mut address);
        }
        Ok(Self(address))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The fields of a flat struct that are set, as query parameters.
fn members(value: &impl Serialize) -> Result<Vec<(String, Json)>, Failure> {
    match serde_json::to_value(value) {
        Ok(Json::Object(members)) => Ok(members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect()),
        Ok(other) => Err(internal(&format!("{other} is not a set of parameters"))),
        Err(error) => Err(internal(&error.to_string())),
    }
}

fn plain_text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Percent-encodes everything but the unreserved characters (RFC 3986, 2.3); a slash in a value
/// becomes `%2F` and does not end its part of the path.
fn encode(text: &str, address: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            address.push(char::from(byte));
        } else {
            write!(address, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
}

fn internal(what: &str) -> Failure {
    Failure::new(
        Code::Internal,
        format!("the request cannot be made: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use os_api::endpoint::{AssetList, GroupGet};
    use os_api::endpoint::{AssetsOf, AssetsQuery, GroupPart, Nothing};

    #[test]
    fn parts_are_encoded() {
        let part = GroupPart {
            pool: "tank".parse().unwrap(),
            name: "/a/b".parse().unwrap(),
        };
        let address = Address::of::<GroupGet>(&part, &Nothing {}).unwrap();
        assert_eq!(address.as_str(), "/v1/groups/tank/%2Fa%2Fb");
    }

    #[test]
    fn queries_hold_what_is_set() {
        let query = AssetsQuery {
            kind: Some(AssetsOf::IdRange),
            name: Some("a b&c=d".into()),
            ..AssetsQuery::default()
        };
        let address = Address::of::<AssetList>(&Nothing {}, &query).unwrap();
        assert_eq!(
            address.as_str(),
            "/v1/assets?invalid=false&kind=id-range&name=a%20b%26c%3Dd"
        );
        let query = CommandQuery { wait_ms: Some(300) };
        let address = Address::of_command("user-new", &query).unwrap();
        assert_eq!(address.as_str(), "/v1/commands/user-new?wait_ms=300");
        let address = Address::of_plan("user-new").unwrap();
        assert_eq!(address.as_str(), "/v1/plans/user-new");
    }
}
