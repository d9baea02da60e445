//! Where a setting came from.

use std::fmt;

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The cluster's configuration: HyperConverged or KubeVirt.
    Cluster,
    /// The MigrationPolicy of this name.
    Policy(String),
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T: Clone> Sourced<T> {
    /// What the cluster's configuration says, or the default where it says nothing.
    pub(crate) fn cluster_or(written: Option<&T>, default: T) -> Self {
        match written {
            Some(value) => Self { value: value.clone(), origin: Origin::Cluster },
            None => Self { value: default, origin: Origin::Default },
        }
    }

    /// This, unless `policy` has something to say.
    pub(crate) fn overridden(&self, policy: &str, by: Option<&T>) -> Self {
        match by {
            Some(value) => Self { value: value.clone(), origin: Origin::Policy(policy.to_owned()) },
            None => self.clone(),
        }
    }
}

/// `default`, `cluster` or `policy/NAME`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Cluster => f.write_str("cluster"),
            Self::Policy(name) => write!(f, "policy/{name}"),
        }
    }
}
