//! The networks that guests can move over, and where this node stands on each.
//!
//! A network has a name in the cluster; `pod` is the one that every node has. What a node listens on
//! and what it tells others may differ: a relay can stand in between.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;
use std::collections::BTreeMap;

use thiserror::Error;

/// The network of a cluster that has configured none.
pub const POD: &str = "pod";

/// A label's value, and a name in it, is at most this long.
const LONGEST_NAME: usize = 63;

/// One network, as this node is on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// The address of this node that guests are awaited on.
    pub listen: IpAddr,
    /// The address that others are told.
    pub advertised: IpAddr,
}

/// All networks that this node is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Networks(BTreeMap<String, Network>);

/// A text that names no network.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// No name, or no address.
    #[error(
        "write NAME=ADDRESS, or NAME=ADDRESS,ADDRESS-THAT-OTHERS-USE, such as storage=10.0.7.2"
    )]
    Shape,
    /// A name that cannot be part of a label.
    #[error(
        "{name:?} is no name of a network: write at most 63 lower-case letters, digits and dashes, \
         beginning and ending with a letter or digit"
    )]
    Name {
        /// What was written.
        name: String,
    },
    /// No address.
    #[error("{text:?} is no IP address such as 10.0.7.2")]
    Address {
        /// What was written.
        text: String,
    },
    /// Written twice.
    #[error("the network {name} is given twice")]
    Twice {
        /// Its name.
        name: String,
    },
}

impl Networks {
    /// The networks that were given, and the pod network on `node_ip` if it is not among them.
    ///
    /// # Errors
    /// [`NetworkError::Twice`].
    pub fn new(node_ip: IpAddr, given: Vec<Network>) -> Result<Self, NetworkError> {
        let mut networks = BTreeMap::new();
        for network in given {
            if let Some(twice) = networks.insert(network.name.clone(), network) {
                return Err(NetworkError::Twice { name: twice.name });
            }
        }
        networks.entry(POD.to_owned()).or_insert_with(|| Network {
            name: POD.to_owned(),
            listen: node_ip,
            advertised: node_ip,
        });
        Ok(Self(networks))
    }

    /// The network of that name, if this node is on it.
    pub fn get(&self, name: &str) -> Option<&Network> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Network> {
        self.0.values()
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (name, addresses) = text.split_once('=').ok_or(NetworkError::Shape)?;
        if addresses.is_empty() {
            return Err(NetworkError::Shape);
        }
        if !is_name(name) {
            return Err(NetworkError::Name { name: name.to_owned() });
        }
        let address =
            |text: &str| text.parse().map_err(|_| NetworkError::Address { text: text.to_owned() });
        let (listen, advertised) = match addresses.split_once(',') {
            None => (address(addresses)?, address(addresses)?),
            Some((listen, advertised)) => (address(listen)?, address(advertised)?),
        };
        Ok(Self { name: name.to_owned(), listen, advertised })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.listen)?;
        if self.advertised != self.listen {
            write!(f, ",{}", self.advertised)?;
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= LONGEST_NAME
        && name.starts_with(is_end)
        && name.ends_with(is_end)
        && name.chars().all(|c| is_end(c) || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_read_as_it_is_written() {
        for text in ["storage=10.0.7.2", "pod=127.0.1.1,127.9.1.1", "six=::1"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        for (text, expected) in [
            ("storage", "write NAME=ADDRESS"),
            ("storage=", "write NAME=ADDRESS"),
            ("=10.0.0.1", "\"\" is no name"),
            ("Fast=10.0.0.1", "\"Fast\" is no name"),
            ("a/b=10.0.0.1", "\"a/b\" is no name"),
            ("fast=10.0.0", "\"10.0.0\" is no IP address"),
            ("fast=10.0.0.1,", "\"\" is no IP address"),
            ("fast=10.0.0.1,b,c", "\"b,c\" is no IP address"),
        ] {
            let refused = text.parse::<Network>().unwrap_err().to_string();
            assert!(refused.starts_with(expected), "{text}: {refused}");
        }
    }

    #[test]
    fn the_pod_network_is_always_there_and_can_be_elsewhere() {
        let node: IpAddr = "127.0.1.1".parse().unwrap();
        let only = Networks::new(node, Vec::new()).unwrap();
        assert_eq!(only.get(POD).unwrap().listen, node);
        let given = vec!["pod=127.0.2.1".parse().unwrap(), "fast=127.0.3.1".parse().unwrap()];
        let both = Networks::new(node, given).unwrap();
        assert_eq!(both.names().collect::<Vec<_>>(), ["fast", "pod"]);
        assert_eq!(both.get(POD).unwrap().advertised, "127.0.2.1".parse::<IpAddr>().unwrap());
        let twice = vec!["a=127.0.3.1".parse().unwrap(), "a=127.0.4.1".parse().unwrap()];
        assert_eq!(Networks::new(node, twice), Err(NetworkError::Twice { name: "a".to_owned() }));
    }
}
