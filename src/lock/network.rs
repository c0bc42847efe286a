//! The part of the lock with the addresses that were given out.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::source::Span;
use crate::yaml::{Entry, Node};

/// What was decided of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LockedNetwork {
    /// Its subnets, as far as `ipam` does not say them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub subnets: Vec<IpNet>,
    /// The addresses of containers, as far as they do not ask for one, by the names of their bundles.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub addresses: BTreeMap<String, Addresses>,
}

/// The addresses of a container, with a space between two of them, so that each container has its line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(transparent))]
pub struct Addresses(#[cfg_attr(test, schemars(with = "String"))] pub Vec<IpAddr>);

impl Serialize for Addresses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let words: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        serializer.serialize_str(&words.join(" "))
    }
}

impl<'de> Deserialize<'de> for Addresses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let address = |word: &str| {
            word.parse()
                .map_err(|_| de::Error::custom(format_args!("`{}` is not an address", word.escape_debug())))
        };
        text.split_whitespace().map(address).collect::<Result<_, _>>().map(Addresses)
    }
}

/// Where what was decided of a network stands.
#[derive(Clone, Debug)]
pub struct NetworkPlaces {
    /// Its key.
    pub name: Span,
    /// Its subnets, if there are any.
    pub subnets: Option<Span>,
    /// The containers that have addresses.
    pub addresses: BTreeMap<String, Span>,
}

impl NetworkPlaces {
    pub(super) fn of(network: &Entry) -> Self {
        let addresses = network.value.get("addresses").map_or(&[][..], Node::entries);
        NetworkPlaces {
            name: network.key_span,
            subnets: network.value.get("subnets").map(|subnets| subnets.span),
            addresses: addresses.iter().map(|entry| (entry.key.to_string(), entry.key_span)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_has_a_line() {
        let network = LockedNetwork {
            subnets: vec!["10.200.3.0/24".parse().unwrap(), "fd00:1::/64".parse().unwrap()],
            addresses: [("web", "10.200.3.7 fd00:1::7"), ("db", "10.200.3.8")]
                .map(|(name, text)| {
                    (name.to_owned(), Addresses(text.split(' ').map(|word| word.parse().unwrap()).collect()))
                })
                .into(),
        };
        let text = serde_json::to_value(&network).unwrap();
        assert_eq!(text["addresses"]["web"], "10.200.3.7 fd00:1::7");
        assert_eq!(serde_json::from_value::<LockedNetwork>(text).unwrap(), network);
        assert!(serde_json::from_value::<Addresses>("10.200.3.7, 1".into()).is_err());
    }
}
