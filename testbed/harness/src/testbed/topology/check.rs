//! What fields of a topology say about each other.

use std::collections::BTreeSet;
use std::fmt::Display;

use ferry_api::NameRule;

use super::{Links, MANAGEMENT, MOST_NETWORKS, MOST_NODES, Node, POD_NETWORK, Topology};

/// What a testbed calls what is no node. A node of such a name could not be told from them.
pub(crate) const OTHER_NAMES: [&str; 3] = ["apiserver", "controller", "relay"];

/// The most characters of a node's name: it is the value of a label.
const LONGEST_NAME: usize = 63;

/// The most processors of a node.
const MOST_CPUS: u32 = 1024;

/// What nodes say of themselves, which nobody else may.
const OWN_LABELS: [&str; 3] = ["kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os"];

/// All that is wrong, a line each.
pub(super) fn problems(topology: &Topology) -> Vec<String> {
    let mut found = Found::default();
    found.count("nodes", topology.nodes.len(), 1..=MOST_NODES);
    let pod = usize::from(topology.networks.iter().all(|network| network.name != POD_NETWORK));
    found.count("networks", topology.networks.len(), 0..=MOST_NETWORKS - pod);
    let mut names = BTreeSet::new();
    for (index, node) in topology.nodes.iter().enumerate() {
        let at = format!("nodes[{index}]");
        if !names.insert(node.name.as_str()) {
            found.say(&format!("{at}.name"), &node.name, "another node has this name");
        }
        found.node(&at, node, topology);
    }
    let mut networks = BTreeSet::new();
    for (index, network) in topology.networks.iter().enumerate() {
        let at = format!("networks[{index}]");
        found.name(&format!("{at}.name"), &network.name, NameRule::DnsLabel);
        found.name(&format!("{at}.namespace"), &network.namespace, NameRule::DnsLabel);
        if !networks.insert(network.name.as_str()) {
            found.say(&format!("{at}.name"), &network.name, "another network has this name");
        }
        if network.name == MANAGEMENT && topology.links == Links::Namespaces {
            found.say(&format!("{at}.name"), &network.name, "the network of daemons has this name");
        }
        if network.name == POD_NETWORK && network.nodes.is_some() {
            found.lines.push(format!("{at}.nodes: every node is on the network of pods"));
        }
        for (number, node) in network.nodes.iter().flatten().enumerate() {
            if !names.contains(node.as_str()) {
                let known = list(names.iter());
                found.say(&format!("{at}.nodes[{number}]"), node, &format!("give one of {known}"));
            }
        }
    }
    if let Some(shared) = topology.storage.shared.as_ref().filter(|path| !path.is_absolute()) {
        found.say("storage.shared", &shared.display().to_string(), "give an absolute path");
    }
    let program = topology.qemu.program.as_ref();
    // A name alone is looked for on the path.
    let relative = program.filter(|path| !path.is_absolute() && path.components().count() > 1);
    if let Some(path) = relative {
        found.say("qemu.program", &path.display().to_string(), "give an absolute path, or a name");
    }
    found.lines
}

#[derive(Default)]
struct Found {
    lines: Vec<String>,
}

impl Found {
    fn say(&mut self, field: &str, value: &str, accepted: &str) {
        self.lines.push(format!("{field}: {value:?}: {accepted}"));
    }

    fn count(&mut self, field: &str, count: usize, range: std::ops::RangeInclusive<usize>) {
        if !range.contains(&count) {
            let (least, most) = (range.start(), range.end());
            self.lines.push(format!("{field}: {count} of them; give {least} to {most}"));
        }
    }

    fn name(&mut self, field: &str, name: &str, rule: NameRule) {
        if let Err(error) = rule.check(name) {
            self.say(field, name, &error.to_string());
        }
    }

    fn node(&mut self, at: &str, node: &Node, topology: &Topology) {
        let field = format!("{at}.name");
        self.name(&field, &node.name, NameRule::DnsSubdomain);
        if node.name.len() > LONGEST_NAME {
            self.say(&field, &node.name, "must be no more than 63 characters");
        }
        if OTHER_NAMES.contains(&node.name.as_str()) {
            let taken = list(OTHER_NAMES.iter());
            self.say(&field, &node.name, &format!("a testbed has other things named {taken}"));
        }
        for (key, value) in &node.labels {
            let field = format!("{at}.labels[{key}]");
            self.name(&field, key, NameRule::LabelKey);
            self.name(&field, value, NameRule::LabelValue);
            if OWN_LABELS.contains(&key.as_str()) {
                self.say(&field, value, "a node says this itself; leave it out");
            }
        }
        for (field, value) in [("zone", &node.zone), ("cpuModel", &node.cpu_model)] {
            if let Some(value) = value {
                self.name(&format!("{at}.{field}"), value, NameRule::LabelValue);
            }
        }
        if let Some(cpus) = node.cpus.filter(|cpus| *cpus == 0 || *cpus > MOST_CPUS) {
            self.lines.push(format!("{at}.cpus: {cpus}: give 1 to {MOST_CPUS}"));
        }
        for network in node.networks.keys() {
            let is_known = network == POD_NETWORK
                || topology.networks.iter().any(|each| each.name == *network);
            if !is_known {
                let names = topology.networks.iter().map(|each| each.name.as_str());
                let known = list(names.filter(|name| *name != POD_NETWORK).chain([POD_NETWORK]));
                self.say(&format!("{at}.networks"), network, &format!("give one of {known}"));
            }
        }
    }
}

fn list(names: impl Iterator<Item = impl Display>) -> String {
    names.map(|name| name.to_string()).collect::<Vec<_>>().join(", ")
}
