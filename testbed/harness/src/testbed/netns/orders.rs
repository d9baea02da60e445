//! What links between namespaces are told, and how they are: as their interfaces and queues are.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ferry_units::Bytes;
use serde_json::Value;

use super::fabric;
use super::kernel::explain_delay;
use super::names::Names;
use super::queue::Queue;
use super::tool::Tool;
use super::{Namespaces, Place};
use crate::testbed::links::{LinkCondition, LinkOrder, LinkState};
use crate::testbed::topology::Link;

/// Tells links something.
pub(super) fn tell(
    of: &Namespaces,
    link: Option<(&str, &str)>,
    order: LinkOrder,
) -> Result<Vec<LinkState>> {
    let is_meant = |place: &Place| {
        link.is_none_or(|(network, node)| place.network == network && place.node == node)
    };
    let places: Vec<_> = of.places()?.into_iter().filter(is_meant).collect();
    if let (Some((network, node)), true) = (link, places.is_empty()) {
        bail!("there is no link between {node} and network {network}");
    }
    if !fabric::is_there(&of.names)? {
        bail!(
            "the links of the testbed in {} are not there; `ferry testbed up` makes them",
            of.dir.path().display()
        );
    }
    for place in &places {
        obey(&of.names, place, order).with_context(|| of_testbed(of))?;
    }
    states(&of.names, &places).with_context(|| of_testbed(of))
}

fn of_testbed(of: &Namespaces) -> String {
    format!("the links of the testbed in {}", of.dir.path().display())
}

fn obey(names: &Names, place: &Place, order: LinkOrder) -> Result<()> {
    match order {
        LinkOrder::Cut => cut(place),
        LinkOrder::Unplug => {
            cut(place)?;
            set_port(names, place, "down")
        }
        LinkOrder::Stall => set_queue(names, place, Queue::Shut),
        LinkOrder::Limit { rate } => {
            let queue = queue_of(names, place)?.at(rate);
            set_queue(names, place, queue)
        }
        LinkOrder::Delay { micros } => {
            let queue = queue_of(names, place)?.late_by(Duration::from_micros(micros));
            set_queue(names, place, queue).map_err(explain_delay)
        }
        LinkOrder::Restore => {
            set_queue(names, place, wanted(&place.spec))?;
            set_port(names, place, "up")
        }
        LinkOrder::Show => Ok(()),
    }
}

/// Has all links be what the topology says, of which none has been told anything yet.
pub(super) fn restore(names: &Names, places: &[Place]) -> Result<()> {
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for place in places.iter().filter(|place| !wanted(&place.spec).is_default()) {
        for (namespace, told) in queues(names, place, wanted(&place.spec)) {
            lines.entry(namespace).or_default().extend(told);
        }
    }
    lines.iter().try_for_each(|(namespace, lines)| Tool::TC.batch(names, Some(namespace), lines))
}

fn wanted(link: &Link) -> Queue {
    Queue::Open {
        rate: link.link_speed.map(|speed| speed.0),
        delay: link.latency.unwrap_or_default().0,
    }
}

/// The queues at both ends of a cable: what the switch sends to the node, and what the node sends.
fn queues(names: &Names, place: &Place, queue: Queue) -> [(String, Vec<String>); 2] {
    [
        (names.switch(), queue.lines(&place.port)),
        (place.namespace.clone(), queue.without_delay().lines(&place.bridge)),
    ]
}

fn set_queue(names: &Names, place: &Place, queue: Queue) -> Result<()> {
    let told = queues(names, place, queue);
    told.iter().try_for_each(|(namespace, lines)| Tool::TC.batch(names, Some(namespace), lines))
}

fn queue_of(names: &Names, place: &Place) -> Result<Queue> {
    Ok(Queue::read(&Tool::TC.ask(&names.switch(), &["qdisc", "show"])?, &place.port))
}

fn set_port(names: &Names, place: &Place, how: &str) -> Result<()> {
    Tool::IP.batch(names, Some(&names.switch()), &[format!("link set {} {how}", place.port)])
}

/// Closes every connection of a node in a network, at both ends.
fn cut(place: &Place) -> Result<()> {
    let before = connections(place, &["-K"])?;
    let after = connections(place, &[])?;
    if before.iter().any(|connection| after.contains(connection)) {
        bail!(
            "this kernel closes no connections of others (it has no CONFIG_INET_DIAG_DESTROY): stall the link \
             instead, or have links of relays"
        );
    }
    Ok(())
}

/// The connections of a node in a network, as addresses and ports of both ends.
fn connections(place: &Place, flags: &[&str]) -> Result<Vec<String>> {
    let ss = Tool::SS.path()?;
    let ss = ss.to_str().context("a path of letters")?;
    let address: Ipv4Addr = place.address;
    let address = address.to_string();
    let exec = ["netns", "exec", &place.namespace, ss, "-H", "-t", "-n"];
    let which = ["state", "connected", "src", &address];
    let text = Tool::IP.run(&[&exec, flags, &which].concat())?;
    let ends = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        words[words.len().saturating_sub(2)..].join(" ")
    };
    Ok(text.lines().map(ends).collect())
}

fn states(names: &Names, places: &[Place]) -> Result<Vec<LinkState>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let switch = names.switch();
    let interfaces = Tool::IP.ask(&switch, &["-s", "link", "show"])?;
    let queues = Tool::TC.ask(&switch, &["qdisc", "show"])?;
    places.iter().map(|place| state(place, &interfaces, &queues)).collect()
}

/// How a link is, as seen from the switch: what it sends goes to the node.
fn state(place: &Place, interfaces: &Value, queues: &Value) -> Result<LinkState> {
    let mut all = interfaces.as_array().into_iter().flatten();
    let port = all.find(|each| each["ifname"] == place.port.as_str());
    let port = port.with_context(|| format!("interface {} is gone", place.port))?;
    let is_up = port["flags"].as_array().into_iter().flatten().any(|flag| flag == "UP");
    let count = |way: &str| {
        let bytes = port["stats64"][way]["bytes"].as_u64();
        bytes.map(Bytes::new).with_context(|| format!("the counters of interface {}", place.port))
    };
    let queue = Queue::read(queues, &place.port);
    let (stalled, limit, delay) = match queue {
        Queue::Shut => (true, None, Duration::ZERO),
        Queue::Open { rate, delay } => (false, rate, delay),
    };
    let state = LinkCondition {
        stalled,
        refusing: !is_up,
        limit,
        delay_micros: u64::try_from(delay.as_micros()).unwrap_or(u64::MAX),
        connections: None,
        forth: count("tx")?,
        back: count("rx")?,
    };
    Ok(LinkState { network: place.network.clone(), node: place.node.clone(), state })
}
