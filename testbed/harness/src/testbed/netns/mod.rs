//! Links in network namespaces: each node has one of its own, and in another, the switch, there is a
//! bridge for each network, with a cable to every node that is on it.
//!
//! ```text
//!  this machine         switch                             node-1
//!   ferryID ──veth── mgmt-host ┐
//!   198.18.x.254               ├ bridge mgmt ── mgmt-n1 ──veth── mgmt  198.18.x.1
//!                              ┘
//!                      bridge net0 (pod) ────── net0-n1 ──veth── net0  198.19.0.1
//!                      bridge net1 (fast) ───── net1-n1 ──veth── net1  198.19.1.1
//! ```
//!
//! Daemons speak to each other and to the API server over `mgmt`, which no topology slows; networks carry
//! what guests send each other, and nothing else. A bridge in a namespace is out of reach of the rules
//! that this machine's firewall has for bridges, and goes with its namespace. Nothing forwards between
//! networks, and no node has a way to the world.
//!
//! Everything is done by iproute2's programs, and the kernel is the only place that knows how a link is.

mod fabric;
mod kernel;
mod names;
mod orders;
mod queue;
mod subnet;
mod tool;
mod turn;

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

pub(crate) use subnet::free_subnet;
pub(crate) use turn::Turn;

use super::links::{LinkOrder, LinkState, Wiring};
use super::topology::{Link, MANAGEMENT};
use super::{Dir, Plan, Role};
use names::Names;
use tool::Tool;

/// Everything of a testbed that is in namespaces.
pub(crate) struct Namespaces<'a> {
    dir: &'a Dir,
    plan: &'a Plan,
    names: Names,
}

/// A link between a network and a node.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    network: String,
    node: String,
    /// The namespace of the node.
    namespace: String,
    /// The bridge, and what the node's interface is called as well.
    bridge: String,
    /// The port of the bridge, at the other end of the cable.
    port: String,
    /// The node's address.
    address: Ipv4Addr,
    spec: Link,
}

/// Says what is missing for testbeds whose nodes are in namespaces, if anything is: root, programs, what
/// cables and speeds take of the kernel. A test that needs them says so and is skipped.
///
/// # Errors
/// When something is.
pub fn check_namespaces() -> Result<()> {
    // Threads of a process try in one place.
    let _turn = Turn::wait_here()?;
    kernel::try_all(&Names::of_process())
}

/// The namespace of a node of the testbed in `dir`.
pub(crate) fn namespace(dir: &Dir, node: &str) -> String {
    Names::of(dir).node(node)
}

impl<'a> Namespaces<'a> {
    pub(crate) fn of(dir: &'a Dir, plan: &'a Plan) -> Self {
        Self { dir, plan, names: Names::of(dir) }
    }

    /// Every link, node by node: to the network of daemons first, then to those of guests.
    fn places(&self) -> Result<Vec<Place>> {
        let mut places = Vec::new();
        for node in &self.plan.topology.nodes {
            let index = self.plan.index(&node.name)?;
            let place = |network: &str, bridge: String, address: Ipv4Addr, spec: Link| Place {
                network: network.to_owned(),
                node: node.name.clone(),
                namespace: self.names.node(&node.name),
                port: format!("{bridge}-n{index}"),
                bridge,
                address,
                spec,
            };
            let address = self.plan.node_ip(&node.name)?;
            places.push(place(MANAGEMENT, MANAGEMENT.to_owned(), address, Link::default()));
            for attachment in self.plan.attachments(&node.name)? {
                let bridge = format!("net{}", attachment.number);
                places.push(place(&attachment.network, bridge, attachment.listen, attachment.link));
            }
        }
        Ok(places)
    }
}

impl Wiring for Namespaces<'_> {
    fn check(&self) -> Result<()> {
        kernel::check(&self.plan.topology, &self.names)
    }

    fn make(&self) -> Result<()> {
        fabric::make(self)
    }

    fn remove(&self) -> Result<()> {
        fabric::remove(&self.names)
    }

    fn command(&self, role: &Role, program: &Path) -> Result<Command> {
        match role {
            Role::ApiServer | Role::Controller | Role::Relay => Ok(Command::new(program)),
            Role::Node(name) => {
                let mut command = Command::new(Tool::IP.path()?);
                command.args(["netns", "exec", &self.names.node(name)]).arg(program);
                Ok(command)
            }
        }
    }

    fn tell(&self, link: Option<(&str, &str)>, order: LinkOrder) -> Result<Vec<LinkState>> {
        orders::tell(self, link, order)
    }
}

/// Removes what there is of a testbed of which nothing is written down any more.
pub(crate) fn remove_left_over(dir: &Dir) -> Result<()> {
    let names = Names::of(dir);
    // Files are asked first: most testbeds have none, and not every machine has an `ip` that can say so.
    let found = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    let has_namespace = found.into_iter().any(|it| names.has(&it.file_name().to_string_lossy()));
    let has_uplink = Path::new("/sys/class/net").join(names.uplink()).exists();
    if has_namespace || has_uplink { fabric::remove(&names) } else { Ok(()) }
}
