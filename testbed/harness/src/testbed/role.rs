//! What the processes of a testbed are called.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// A daemon of a testbed: `apiserver`, `controller`, `relay`, or the name of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The API server.
    ApiServer,
    /// The controller.
    Controller,
    /// The process of all relays.
    Relay,
    /// A node's daemon.
    Node(String),
}

impl Role {
    /// The program that it runs.
    pub const fn program(&self) -> &'static str {
        match self {
            Self::ApiServer => "ferry-apiserver",
            Self::Controller => "ferry-controller",
            Self::Relay => "ferry",
            Self::Node(_) => "ferry-node",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiServer => "apiserver",
            Self::Controller => "controller",
            Self::Relay => "relay",
            Self::Node(name) => name,
        })
    }
}

impl FromStr for Role {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(match name {
            "apiserver" => Self::ApiServer,
            "controller" => Self::Controller,
            "relay" => Self::Relay,
            node => Self::Node(node.to_owned()),
        })
    }
}
