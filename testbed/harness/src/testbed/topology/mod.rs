//! What a testbed consists of: its nodes, the networks between them, and where disks are.
//!
//! A topology is read from a YAML file, or made of a number of nodes. Whoever has one knows that it
//! is sound: names are unique, and what refers to another part of it finds that.

mod check;
mod read;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;

use ferry_units::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use read::TopologyError;
pub use words::{Latency, LinkSpeed, Size, Taint};

/// The network that is always there: the one of pods.
pub const POD_NETWORK: &str = "pod";

/// The network of daemons, where nodes are in namespaces: it is no network of a topology, and its links
/// can be broken as others can.
pub const MANAGEMENT: &str = "mgmt";

/// The nodes of a testbed that nobody has described.
pub const DEFAULT_NODES: usize = 3;

/// The most nodes: each has an address of its own in the last part of `127.x.y.z`.
pub const MOST_NODES: usize = 250;

/// The most networks, the one of pods among them: each has a part of the addresses of a testbed.
pub const MOST_NETWORKS: usize = 8;

/// What a testbed consists of.
///
/// A topology file is this as YAML; an empty one is three nodes of 4 GiB on one network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Topology {
    /// The nodes; `node-1` to `node-3` if there are none.
    pub nodes: Vec<Node>,
    /// Networks. Each but `pod`, which is always there, becomes a NetworkAttachmentDefinition that
    /// `liveMigrationConfig.network` can name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<Network>,
    /// What links are made of.
    #[serde(skip_serializing_if = "is_default")]
    pub links: Links,
    /// Where disks are that all nodes have.
    #[serde(skip_serializing_if = "is_default")]
    pub storage: Storage,
    /// What guests are whose machines do not say it by the annotation `machine.ferry.dev/type`.
    #[serde(skip_serializing_if = "is_default")]
    pub machine: MachineKind,
    /// How QEMU runs, for guests that are it.
    #[serde(skip_serializing_if = "is_default")]
    pub qemu: Qemu,
}

/// What a guest is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MachineKind {
    /// Ferry's own guest, which needs nothing.
    #[default]
    Ferry,
    /// QEMU, which has to be installed.
    Qemu,
}

/// How QEMU runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Qemu {
    /// The program; `qemu-system-x86_64` on the path if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
    /// What executes the instructions of guests.
    #[serde(skip_serializing_if = "is_default")]
    pub accelerator: Accelerator,
}

/// What executes the instructions of QEMU's guests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Accelerator {
    /// The processor where that works, else a translator.
    #[default]
    Auto,
    /// The processor.
    Kvm,
    /// A translator.
    Tcg,
}

impl MachineKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ferry => "ferry",
            Self::Qemu => "qemu",
        }
    }
}

impl Accelerator {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }
}

/// What the links between nodes and networks are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Links {
    /// Nodes are addresses of this machine's loopback, and relays stand in links that are slowed or
    /// watched. Anybody may have them.
    #[default]
    Relays,
    /// Each node is in a network namespace of its own, with a cable to a bridge for each network, and
    /// the kernel queues what a link does not carry. Only root may have them.
    Namespaces,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its zone: the label `topology.kubernetes.io/zone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Its labels, besides those that every node has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What keeps pods from it, as `kubectl taint` takes it: `dedicated=db:NoSchedule`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,
    /// How much memory its guests may have together.
    #[serde(default = "default_memory")]
    pub memory: Size,
    /// How many processors it says to have; as many as this machine has if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub cpus: Option<u32>,
    /// The model of its processors, such as `Cascadelake-Server`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<String>,
    /// Where its links differ from what the networks say, by the network's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, Link>,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Network {
    /// Its name, and that of its NetworkAttachmentDefinition; `pod` is the network of pods.
    pub name: String,
    /// The namespace of its NetworkAttachmentDefinition.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// How much the link into each of its nodes carries in each direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_speed: Option<LinkSpeed>,
    /// How much later arrives what is sent over one of its links, one way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// A relay stands in each link even where it is not slowed, so that it can be cut and its bytes be
    /// counted; every link between namespaces can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<bool>,
    /// Which nodes have an address on it; all of them if this is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Vec<String>>,
}

/// A link between a network and a node: what the network says of it, or what the node says itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Link {
    /// How much it carries in each direction, all migrations into the node together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_speed: Option<LinkSpeed>,
    /// How much later arrives what is sent, one way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// A relay stands in the link even where it is not slowed, so that it can be cut and its bytes be
    /// counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<bool>,
}

/// Where disks are that all nodes have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Storage {
    /// The directory of ReadWriteMany claims, as an absolute path; `shared` in the testbed's own
    /// directory if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<PathBuf>,
}

impl Topology {
    /// So many nodes of 4 GiB, `node-1` and so on, on one network that is as fast as this machine.
    ///
    /// # Errors
    /// When there can be no testbed of so many nodes.
    pub fn of_nodes(count: usize) -> Result<Self, TopologyError> {
        if count > MOST_NODES {
            let problems = vec![format!("{count} of them; give 1 to {MOST_NODES}")];
            return Err(TopologyError::Fields {
                origin: "the number of nodes".to_owned(),
                problems,
            });
        }
        let nodes = (1..=count).map(|number| Node::named(&format!("node-{number}"))).collect();
        let topology = Self {
            nodes,
            networks: Vec::new(),
            links: Links::default(),
            storage: Storage::default(),
            machine: MachineKind::default(),
            qemu: Qemu::default(),
        };
        topology.checked("the number of nodes")
    }

    /// Its JSON schema, for editors.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// One more network.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.networks.push(network);
        self
    }

    /// Links of this kind.
    #[must_use]
    pub fn links(self, links: Links) -> Self {
        Self { links, ..self }
    }

    /// QEMU that runs so.
    #[must_use]
    pub fn qemu(self, qemu: Qemu) -> Self {
        Self { qemu, ..self }
    }

    /// A relay in every link that there is, so that it can be cut and its bytes be counted.
    #[must_use]
    pub fn relayed(mut self) -> Self {
        if self.networks.iter().all(|network| network.name != POD_NETWORK) {
            self.networks.insert(0, Network::named(POD_NETWORK));
        }
        for network in &mut self.networks {
            network.relay = Some(true);
        }
        self
    }
}

impl Default for Topology {
    fn default() -> Self {
        Self::of_nodes(DEFAULT_NODES).expect("three nodes are a testbed")
    }
}

impl Node {
    /// One of that name, and nothing special about it.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            zone: None,
            labels: BTreeMap::new(),
            taints: Vec::new(),
            memory: default_memory(),
            cpus: None,
            cpu_model: None,
            networks: BTreeMap::new(),
        }
    }
}

impl Network {
    /// One of that name that all nodes are on and that nothing slows.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespace: default_namespace(),
            link_speed: None,
            latency: None,
            relay: None,
            nodes: None,
        }
    }

    /// The link between it and that node.
    pub fn link_to(&self, node: &Node) -> Link {
        let own = node.networks.get(&self.name).copied().unwrap_or_default();
        Link {
            link_speed: own.link_speed.or(self.link_speed),
            latency: own.latency.or(self.latency),
            relay: own.relay.or(self.relay),
        }
    }

    /// Whether that node has an address on it.
    pub fn reaches(&self, node: &str) -> bool {
        self.nodes.as_ref().is_none_or(|nodes| nodes.iter().any(|each| each == node))
    }
}

impl Link {
    /// Whether a relay stands in it.
    pub fn is_relayed(self) -> bool {
        let is_late = self.latency.is_some_and(|latency| latency != Latency::default());
        self.relay == Some(true) || self.link_speed.is_some() || is_late
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn default_memory() -> Size {
    Size(Bytes::from_gib(4))
}

fn default_namespace() -> String {
    "openshift-cnv".to_owned()
}
