//! The networks of a guest, each of which has one interface.

use std::collections::BTreeSet;

use ferry_registry::{DeniedCause, Document};
use serde_json::Value;

use super::{Guest, has, name};
use crate::denial::{Reason, cause};
use crate::fields::{at, text};

const INTERFACES: [&str; 3] = ["domain", "devices", "interfaces"];
const NETWORKS: [&str; 1] = ["networks"];

// PARITY: pkg/network/admitter/validator.go#Validate
pub(super) fn problems(guest: Guest<'_>) -> Vec<DeniedCause> {
    let mut causes = Vec::new();
    causes.extend(guest.too_many(&NETWORKS));
    causes.extend(guest.too_many(&INTERFACES));
    causes.extend(pod_networks(guest));
    causes.extend(guest.list(&NETWORKS).filter_map(|(index, it)| source(guest, index, it)));
    causes.extend(guest.list(&NETWORKS).filter_map(|(index, it)| nameless(guest, index, it)));
    let networks: Vec<_> = guest.list(&NETWORKS).collect();
    let interfaces: Vec<_> = guest.list(&INTERFACES).collect();
    let names = |list: &[(usize, &Document)]| -> BTreeSet<String> {
        list.iter().map(|(_, entry)| name(entry).to_owned()).collect()
    };
    let mut seen = BTreeSet::new();
    let plugged = names(&interfaces);
    let networks_field = guest.at("networks");
    for (index, network) in &networks {
        let field = format!("{networks_field}[{index}].name");
        let name = name(network);
        if !seen.insert(name) {
            let message = format!(
                "Network with name {name:?} already exists, every network must have a unique name"
            );
            causes.push(cause(Reason::Duplicate, &field, message));
        }
        if !plugged.contains(name) {
            let message = format!("{field} '{name}' not found.");
            causes.push(cause(Reason::Required, &field, message));
        }
    }
    let mut seen = BTreeSet::new();
    let there = names(&networks);
    let interfaces_field = guest.at(&INTERFACES.join("."));
    for (index, interface) in &interfaces {
        let field = format!("{interfaces_field}[{index}].name");
        let name = name(interface);
        if !seen.insert(name) {
            let message = "Only one interface can be connected to one specific network";
            causes.push(cause(Reason::Duplicate, &field, message));
        }
        if !there.contains(name) {
            let message = format!("{field} '{name}' not found.");
            causes.push(cause(Reason::Invalid, &field, message));
        }
    }
    causes
}

// PARITY: pkg/network/admitter/netsource.go#validateSinglePodNetwork
fn pod_networks(guest: Guest<'_>) -> Vec<DeniedCause> {
    let pods = guest.list(&NETWORKS).filter(|(_, network)| has(network, "pod")).count();
    let is_default = |network: &Document| {
        at(network, &["multus", "default"]).and_then(Value::as_bool) == Some(true)
    };
    let defaults = guest.list(&NETWORKS).filter(|(_, network)| is_default(network)).count();
    let mut causes = Vec::new();
    if pods > 1 {
        let field = guest.at("interfaces");
        let message = format!("more than one interface is connected to a pod network in {field}");
        causes.push(cause(Reason::Duplicate, &field, message));
    }
    let field = guest.at("networks");
    if defaults > 1 {
        let message = "Multus CNI should only have one default network";
        causes.push(cause(Reason::Invalid, &field, message));
    }
    if pods > 0 && defaults > 0 {
        let message = "Pod network cannot be defined when Multus default network is defined";
        causes.push(cause(Reason::Invalid, &field, message));
    }
    causes
}

/// A kind of network that is newer than these two counts as one.
// PARITY: pkg/network/admitter/netsource.go#validateSingleNetworkSource
fn source(guest: Guest<'_>, index: usize, network: &Document) -> Option<DeniedCause> {
    let is_newer = |field: &String| {
        !["name", "pod", "multus"].contains(&field.as_str()) && has(network, field)
    };
    let message = match (has(network, "pod"), has(network, "multus")) {
        (true, true) => "should have only one network type",
        (false, false) if !network.keys().any(is_newer) => "should have a network type",
        (true, false) | (false, true | false) => return None,
    };
    Some(cause(Reason::Required, &format!("{}[{index}]", guest.at("networks")), message))
}

// PARITY: pkg/network/admitter/netsource.go#validateMultusNetworkSource
fn nameless(guest: Guest<'_>, index: usize, network: &Document) -> Option<DeniedCause> {
    let is_nameless = has(network, "multus")
        && text(network, &["multus", "networkName"]).unwrap_or_default().is_empty();
    is_nameless.then(|| {
        let message = "CNI delegating plugin must have a networkName";
        cause(Reason::Required, &format!("{}[{index}]", guest.at("networks")), message)
    })
}
