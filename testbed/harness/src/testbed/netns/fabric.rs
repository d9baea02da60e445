//! Making namespaces, bridges and cables of a testbed, and removing them.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::names::{Names, UPLINK};
use super::orders;
use super::tool::{Tool, wait_until_idle};
use super::{Namespaces, Place, subnet};
use crate::testbed::census::census;
use crate::testbed::topology::MANAGEMENT;

/// Makes everything, unless processes are in it already. What is left of what nobody is in any more is
/// removed first: it may be half of it.
pub(super) fn make(of: &Namespaces) -> Result<()> {
    let Namespaces { dir, plan, names } = of;
    if !census(dir)?.is_empty() {
        if is_there(names)? {
            return Ok(());
        }
        bail!(
            "processes of the testbed in {} run, and its namespaces are gone: `down` first",
            dir.path().display()
        );
    }
    remove(names)?;
    subnet::check_free(plan.base(), names)?;
    let places = of.places()?;
    let nodes: BTreeSet<&str> = places.iter().map(|place| place.namespace.as_str()).collect();
    let (uplink, switch) = (names.uplink(), names.switch());
    let namespaces = nodes.iter().copied().chain([switch.as_str()]);
    let lines: Vec<_> = namespaces.map(|namespace| format!("netns add {namespace}")).collect();
    Tool::IP.batch(names, None, &lines)?;

    let bridges: BTreeSet<&str> = places.iter().map(|place| place.bridge.as_str()).collect();
    let lines = bridges.into_iter().flat_map(bridge).chain(places.iter().flat_map(cable));
    Tool::IP.batch(names, Some(&switch), &lines.collect::<Vec<_>>())?;

    let mut lines = vec![format!("link add {uplink} type veth peer name {UPLINK} netns {switch}")];
    lines.extend(end(&uplink, plan.this_machine()));
    Tool::IP.batch(names, None, &lines)?;
    let line = format!("link set {UPLINK} master {MANAGEMENT} addrgenmode none up");
    Tool::IP.batch(names, Some(&switch), &[line])?;

    for namespace in nodes {
        let own = places.iter().filter(|place| place.namespace == namespace);
        let ends = own.flat_map(|place| {
            let name = format!("link set {} alias {}", place.bridge, place.network);
            end(&place.bridge, place.address).into_iter().chain([name])
        });
        let lines: Vec<_> = ["link set lo up".to_owned()].into_iter().chain(ends).collect();
        Tool::IP.batch(names, Some(namespace), &lines)?;
    }
    orders::restore(names, &places)
}

/// A bridge that passes on all that it gets. Nothing asks who wants what.
fn bridge(name: &str) -> [String; 2] {
    [
        format!("link add {name} type bridge mcast_snooping 0"),
        format!("link set {name} addrgenmode none up"),
    ]
}

/// A cable from a port of a bridge to an interface in the namespace of a node.
fn cable(place: &Place) -> [String; 3] {
    let Place { network, node, namespace, bridge, port, .. } = place;
    [
        format!("link add {port} type veth peer name {bridge} netns {namespace}"),
        format!("link set {port} master {bridge} addrgenmode none up"),
        format!("link set {port} alias {network}/{node}"),
    ]
}

/// The other end of a cable, with an address.
fn end(device: &str, address: Ipv4Addr) -> [String; 2] {
    [
        format!("address add {address}/24 dev {device}"),
        format!("link set {device} addrgenmode none up"),
    ]
}

/// Removes whatever there is of these.
pub(super) fn remove(names: &Names) -> Result<()> {
    wait_until_idle(names)?;
    // A cable goes with its namespace, but some time later. This one is seen, and gone at once.
    let uplink = names.uplink();
    if Path::new("/sys/class/net").join(&uplink).exists() {
        Tool::IP.run(&["link", "delete", &uplink])?;
    }
    let found = existing()?.into_iter().filter(|namespace| names.has(namespace));
    let lines: Vec<_> = found.map(|namespace| format!("netns delete {namespace}")).collect();
    Tool::IP.batch(names, None, &lines)
}

/// Whether it was made.
pub(super) fn is_there(names: &Names) -> Result<bool> {
    Ok(existing()?.contains(&names.switch()))
}

/// Every namespace that has a name on this machine.
pub(super) fn existing() -> Result<Vec<String>> {
    let text = Tool::IP.run(&["-j", "netns", "list"])?;
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let found: Value = serde_json::from_str(&text).context("the namespaces of this machine")?;
    let names = found.as_array().into_iter().flatten().filter_map(|each| each["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}
