//! What a testbed is made of, down to its addresses and ports. It is decided once, and kept: a
//! testbed that starts again is found where it was.
//!
//! Every node has an address of its own in each network. Without namespaces, all of them are in
//! `127.0.0.0/8`, which Linux answers without being asked to. Each testbed on this machine has a part
//! of its own, from `127.x.y.0`:
//!
//! ```text
//!   127 . x . (y + 2 × network)     . node     where the node listens
//!   127 . x . (y + 2 × network + 1) . node     where a relay stands in for it
//! ```
//!
//! With namespaces, they are in the networks that are set aside for tests of networks:
//!
//! ```text
//!   198 . 18 . testbed . node      where the node's daemon listens; 254 is this machine
//!   198 . 19 . network . node      where its guests listen, in namespaces only
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;

use anyhow::{Context, Result, bail};
use ferry_config::Semantics;
use serde::{Deserialize, Serialize};

use super::dir::{Dir, private_file};
use super::topology::{Link, Links, Network, Node, POD_NETWORK, Topology};
use super::{loopback, netns};

/// The ports that memory arrives at, as the node daemon has them unless it is told otherwise.
pub const MIGRATION_PORTS: RangeInclusive<u16> = 49152..=49215;

/// The version of `testbed.json`.
const VERSION: u32 = 1;

/// Where the daemon of a node listens that has a namespace of its own, and so every port: where a
/// kubelet does.
const NODE_PORT: u16 = 10250;

/// The last part of this machine's address among nodes in namespaces. There are at most 250 of them.
const THIS_MACHINE: u8 = 254;

/// What a testbed is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    version: u32,
    /// What was asked for.
    pub topology: Topology,
    /// Where the documentation and KubeVirt's code disagree, whom the daemons follow.
    pub semantics: Semantics,
    /// Where the API server listens.
    pub api: SocketAddr,
    /// The first address that the testbed may use: `127.x.y.0`, or `198.18.x.0`.
    base: Ipv4Addr,
    /// The port of each node's daemon.
    ports: BTreeMap<String, u16>,
}

/// A node's place in a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The network.
    pub network: String,
    /// The network's number: 0 is the one of pods.
    pub number: u8,
    /// Where the node listens.
    pub listen: Ipv4Addr,
    /// Where a relay stands in for it, if one does.
    pub relayed: Option<Ipv4Addr>,
    /// What the link does to what it carries.
    pub link: Link,
}

impl Plan {
    /// Decides where everything is, for a testbed in `dir`.
    pub(crate) fn new(
        dir: &Dir,
        topology: Topology,
        semantics: Semantics,
        api: Option<SocketAddr>,
    ) -> Result<Self> {
        let version = VERSION;
        let links = topology.links;
        let (base, api) = match links {
            Links::Relays => (loopback::free_part(dir, &topology)?, api_on_loopback(api)?),
            Links::Namespaces => {
                let base = netns::free_subnet(dir)?;
                (base, api_beside_namespaces(base, api)?)
            }
        };
        let mut plan = Self { version, topology, semantics, api, base, ports: BTreeMap::new() };
        for node in plan.topology.nodes.clone() {
            let port = match links {
                Links::Relays => free_port(IpAddr::V4(plan.node_ip(&node.name)?))?,
                Links::Namespaces => NODE_PORT,
            };
            plan.ports.insert(node.name, port);
        }
        Ok(plan)
    }

    /// What was decided for the testbed in `dir`, if anything was.
    ///
    /// # Errors
    /// When what is there cannot be used.
    pub fn load(dir: &Dir) -> Result<Option<Self>> {
        let path = dir.plan();
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let plan: Self = serde_json::from_slice(&text).with_context(|| {
            format!(
                "{} is not what `testbed up` has written; restore it, or remove the directory",
                path.display()
            )
        })?;
        if plan.version != VERSION {
            bail!(
                "{} is of version {}, and this program writes {VERSION}: use the program that made it",
                path.display(),
                plan.version
            );
        }
        Ok(Some(plan))
    }

    /// Keeps it for the next start.
    pub(crate) fn save(&self, dir: &Dir) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).context("a plan as JSON")?;
        let path = dir.plan();
        private_file(&path, &text).with_context(|| format!("writing {}", path.display()))
    }

    /// The node of that name.
    ///
    /// # Errors
    /// When there is none; the names that there are are said.
    pub fn node(&self, name: &str) -> Result<&Node> {
        self.topology.nodes.iter().find(|node| node.name == name).with_context(|| {
            let names: Vec<_> = self.topology.nodes.iter().map(|node| node.name.as_str()).collect();
            format!("there is no node {name:?}; there are {}", names.join(", "))
        })
    }

    /// The address of a node's daemon: in the network of pods, or in one of its own beside the
    /// networks, which is there for daemons alone, where nodes are in namespaces.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn node_ip(&self, node: &str) -> Result<Ipv4Addr> {
        match self.topology.links {
            Links::Relays => self.address(0, node, 0),
            Links::Namespaces => {
                let [a, b, c, _] = self.base.octets();
                Ok(Ipv4Addr::new(a, b, c, self.index(node)?))
            }
        }
    }

    /// The address of this machine where nodes in namespaces reach it.
    pub(crate) fn this_machine(&self) -> Ipv4Addr {
        this_machine(self.base)
    }

    /// The first address of the network of daemons, where nodes are in namespaces.
    pub(crate) fn base(&self) -> Ipv4Addr {
        self.base
    }

    /// Where a node's daemon listens.
    pub(crate) fn grpc(&self, node: &str) -> Result<SocketAddr> {
        let port = self.ports.get(node).copied().unwrap_or(0);
        Ok(SocketAddr::new(IpAddr::V4(self.node_ip(node)?), port))
    }

    /// A node's places in the networks that it is on, the one of pods first.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn attachments(&self, node: &str) -> Result<Vec<Attachment>> {
        let found = self.node(node)?;
        let pod = Network::named(POD_NETWORK);
        let pod =
            self.topology.networks.iter().find(|each| each.name == POD_NETWORK).unwrap_or(&pod);
        let others = self.topology.networks.iter().filter(|each| each.name != POD_NETWORK);
        let numbered = (0..).zip([pod].into_iter().chain(others));
        numbered
            .filter(|(_, network)| network.reaches(node))
            .map(|(number, network)| {
                let link = network.link_to(found);
                let is_relayed = self.topology.links == Links::Relays && link.is_relayed();
                let relayed = is_relayed.then(|| self.address(number, node, 1)).transpose()?;
                let listen = self.address(number, node, 0)?;
                let network = network.name.clone();
                Ok(Attachment { network, number, listen, relayed, link })
            })
            .collect()
    }

    /// Whether a relay stands in any link.
    pub fn has_relays(&self) -> bool {
        self.topology.nodes.iter().any(|node| {
            let places = self.attachments(&node.name).unwrap_or_default();
            places.iter().any(|place| place.relayed.is_some())
        })
    }

    fn address(&self, network: u8, node: &str, side: u8) -> Result<Ipv4Addr> {
        let last = self.index(node)?;
        Ok(match self.topology.links {
            Links::Relays => {
                let [a, b, c, _] = self.base.octets();
                Ipv4Addr::new(a, b, c + 2 * network + side, last)
            }
            Links::Namespaces => Ipv4Addr::new(198, 19, network, last),
        })
    }

    /// The number of a node, from 1.
    pub(crate) fn index(&self, node: &str) -> Result<u8> {
        self.node(node)?;
        let index = self.topology.nodes.iter().position(|each| each.name == node).unwrap_or(0);
        u8::try_from(index + 1).context("a topology has at most 250 nodes")
    }
}

fn this_machine(base: Ipv4Addr) -> Ipv4Addr {
    let [a, b, c, _] = base.octets();
    Ipv4Addr::new(a, b, c, THIS_MACHINE)
}

/// Where the API server listens: where it is wanted, or at a free port of 127.0.0.1.
fn api_on_loopback(wanted: Option<SocketAddr>) -> Result<SocketAddr> {
    let wanted = wanted.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0));
    let port = if wanted.port() == 0 { free_port(wanted.ip())? } else { wanted.port() };
    Ok(SocketAddr::new(wanted.ip(), port))
}

/// Where the API server listens that nodes in namespaces have to reach.
fn api_beside_namespaces(base: Ipv4Addr, wanted: Option<SocketAddr>) -> Result<SocketAddr> {
    let ip = this_machine(base);
    if let Some(wanted) = wanted {
        bail!(
            "--listen: {wanted}: nodes in namespaces reach this machine at an address that is made for them; \
             leave this out, or have links of relays"
        );
    }
    // The address is not there yet. Whoever listens at a port of every address has it here as well.
    Ok(SocketAddr::new(IpAddr::V4(ip), free_port(IpAddr::V4(Ipv4Addr::LOCALHOST))?))
}

/// A port that nobody listens at now.
fn free_port(ip: IpAddr) -> Result<u16> {
    let listener = TcpListener::bind((ip, 0)).with_context(|| format!("a free port of {ip}"))?;
    Ok(listener.local_addr().context("the number of a free port")?.port())
}

/// Says who is in the way, if somebody else listens there.
pub(crate) fn check_free(address: SocketAddr, whose: &str, remedy: &str) -> Result<()> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) => Err(error).with_context(|| {
            format!("{whose} is to listen at {address}, which cannot be had: {remedy}")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> (tempfile::TempDir, Dir, Plan) {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::make(temporary.path()).unwrap();
        let topology = Topology::parse(text, "t").unwrap();
        let plan = Plan::new(&dir, topology, Semantics::Documented, None).unwrap();
        (temporary, dir, plan)
    }

    #[test]
    fn every_place_has_an_address_of_its_own() {
        let (_temporary, _, plan) = plan(
            "networks: [{name: pod, latency: 1ms}, {name: fast}, {name: few, nodes: [node-2]}]",
        );
        let mut seen = std::collections::BTreeSet::new();
        for node in ["node-1", "node-2", "node-3"] {
            let places = plan.attachments(node).unwrap();
            let names: Vec<_> = places.iter().map(|place| place.network.as_str()).collect();
            let expected: &[_] =
                if node == "node-2" { &["pod", "fast", "few"] } else { &["pod", "fast"] };
            assert_eq!(names, expected);
            assert!(places[0].relayed.is_some() && places[1].relayed.is_none());
            assert_eq!(places[0].listen, plan.node_ip(node).unwrap());
            for address in places.iter().flat_map(|place| [Some(place.listen), place.relayed]) {
                assert!(address.is_none_or(|address| seen.insert(address)), "{address:?}");
            }
        }
        assert!(seen.iter().all(|address| address.is_loopback() && address.octets()[1] != 0));
    }

    #[test]
    fn what_was_decided_is_found_again() {
        let (_temporary, dir, plan) = plan("nodes: [{name: a, memory: 1Gi}]");
        assert_eq!(Plan::load(&dir).unwrap(), None);
        plan.save(&dir).unwrap();
        assert_eq!(Plan::load(&dir).unwrap(), Some(plan));
        let text = fs::read_to_string(dir.plan()).unwrap();
        fs::write(dir.plan(), text.replace("\"version\": 1", "\"version\": 9")).unwrap();
        let error = Plan::load(&dir).unwrap_err().to_string();
        assert!(error.contains("of version 9"), "{error}");
        fs::write(dir.plan(), "{").unwrap();
        let error = Plan::load(&dir).unwrap_err().to_string();
        assert!(error.contains("testbed.json is not what"), "{error}");
    }

    #[test]
    fn a_port_that_somebody_has_is_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = taken.local_addr().unwrap();
        let error = check_free(address, "the API server", "stop it").unwrap_err();
        assert!(format!("{error:#}").contains(&format!("at {address}, which cannot be had")));
        drop(taken);
        check_free(address, "the API server", "stop it").unwrap();
    }

    #[test]
    fn an_unknown_node_is_told_with_those_that_there_are() {
        let (_temporary, _, plan) = plan("");
        let error = plan.attachments("node-9").unwrap_err().to_string();
        assert_eq!(error, "there is no node \"node-9\"; there are node-1, node-2, node-3");
    }
}
