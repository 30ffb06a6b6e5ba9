//! DNS resolvers of a container.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TooLong;

/// Maximum number of addresses.
const ADDRESSES: usize = 16;

/// Addresses of DNS resolvers, in the order in which the guest asks them.
///
/// *Shape*: at most 16 addresses; empty means that `/etc/resolv.conf` is the guest's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<IpAddr>", into = "Vec<IpAddr>")]
pub struct DnsResolvers(Vec<IpAddr>);

impl DnsResolvers {
    /// The addresses.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.0
    }
}

impl TryFrom<Vec<IpAddr>> for DnsResolvers {
    type Error = TooLong;

    fn try_from(addresses: Vec<IpAddr>) -> Result<Self, TooLong> {
        if addresses.len() <= ADDRESSES {
            return Ok(Self(addresses));
        }
        Err(TooLong {
            setting: "the list of DNS resolvers",
            found: addresses.len(),
            limit: ADDRESSES,
        })
    }
}

impl From<DnsResolvers> for Vec<IpAddr> {
    fn from(resolvers: DnsResolvers) -> Self {
        resolvers.0
    }
}

impl JsonSchema for DnsResolvers {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DnsResolvers".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "array",
            "maxItems": ADDRESSES,
            "items": { "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn their_number_is_limited() {
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        DnsResolvers::try_from(vec![address; 16]).unwrap();
        let error = DnsResolvers::try_from(vec![address; 17]).unwrap_err();
        assert!(error.to_string().contains("17, at most 16"), "{error}");
    }
}
