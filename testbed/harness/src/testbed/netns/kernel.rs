//! Whether this machine can have testbeds in namespaces, and whether its kernel has the queues that a
//! topology needs. It is asked by trying.

use std::fs;

use anyhow::{Context, Result, bail};

use super::fabric::existing;
use super::names::Names;
use super::tool::{Tool, check_installed};
use crate::testbed::topology::{Latency, Topology};

/// The capabilities that namespaces and interfaces take, by their numbers.
const CAPABILITIES: [(&str, u32); 2] = [("CAP_NET_ADMIN", 12), ("CAP_SYS_ADMIN", 21)];

/// How `tc` says that the kernel has no queue of a kind.
const UNKNOWN: &str = "qdisc kind is unknown";

/// What a field of a topology needs of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Speed,
    Latency,
}

impl Need {
    /// An example of the queue, as `tc` takes it.
    const fn example(self) -> &'static str {
        match self {
            Self::Speed => "tbf rate 1000000bps burst 8192b limit 65536b",
            Self::Latency => "netem delay 1ms",
        }
    }

    const fn option(self) -> &'static str {
        match self {
            Self::Speed => "CONFIG_NET_SCH_TBF",
            Self::Latency => "CONFIG_NET_SCH_NETEM",
        }
    }

    const fn effect(self) -> &'static str {
        match self {
            Self::Speed => "slow what it sends to a namespace",
            Self::Latency => "delay what it sends to a namespace",
        }
    }

    /// What is said of a kernel without the queue.
    fn lacking(self) -> String {
        format!(
            "this kernel cannot {} (it has no {}); leave it out, or have links of relays (`links: relays`), \
             which can",
            self.effect(),
            self.option()
        )
    }
}

/// Says what is missing on this machine for namespaces, if anything is.
pub(super) fn check_machine() -> Result<()> {
    check_installed()?;
    let status = fs::read_to_string("/proc/self/status").context("asking what this process may")?;
    let missing = missing_capabilities(&status);
    if !missing.is_empty() {
        bail!(
            "nodes in namespaces need root: this process lacks {}; start it as root, or have links of relays \
             (`links: relays`, without --netns), which anybody may",
            missing.join(" and ")
        );
    }
    Ok(())
}

/// Says what is missing for a topology, if anything is.
pub(super) fn check(topology: &Topology, names: &Names) -> Result<()> {
    check_machine()?;
    let mut lines = Vec::new();
    for need in [Need::Speed, Need::Latency] {
        let fields = fields(topology, need);
        if !fields.is_empty() && !has(need, names)? {
            let said = need.lacking();
            lines.extend(fields.iter().map(|(field, value)| format!("{field}: {value:?}: {said}")));
        }
    }
    if lines.is_empty() { Ok(()) } else { bail!(lines.join("\n")) }
}

/// The same of an error with which `tc` has answered a wish for a latency.
pub(super) fn explain_delay(error: anyhow::Error) -> anyhow::Error {
    if error.to_string().contains(UNKNOWN) {
        return anyhow::anyhow!("delay: {}", Need::Latency.lacking());
    }
    error
}

/// Says what is missing for testbeds with speeds, if anything is.
pub(super) fn try_all(names: &Names) -> Result<()> {
    check_machine()?;
    let lines =
        ["link add net0 type bridge mcast_snooping 0", "link add net0-n1 type veth peer name mgmt"];
    in_trial(names, |namespace| Tool::IP.batch(names, Some(namespace), &lines.map(str::to_owned)))?;
    if has(Need::Speed, names)? { Ok(()) } else { bail!(Need::Speed.lacking()) }
}

/// Whether the kernel has it: an interface of a new namespace takes it.
fn has(need: Need, names: &Names) -> Result<bool> {
    let line = format!("qdisc add dev lo root {}", need.example());
    match in_trial(names, |namespace| Tool::TC.batch(names, Some(namespace), &[line])) {
        Ok(()) => Ok(true),
        Err(error) if error.to_string().contains(UNKNOWN) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Tries something in a namespace that is there for that. It takes a [`Turn`](super::Turn), so those
/// that are there already were left by processes that were killed, whoever they were.
fn in_trial(names: &Names, what: impl FnOnce(&str) -> Result<()>) -> Result<()> {
    let left = existing()?.into_iter().filter(|namespace| Names::is_trial(namespace));
    let delete = |namespace: &str| format!("netns delete {namespace}");
    let mut lines: Vec<_> = left.map(|namespace| delete(&namespace)).collect();
    let namespace = names.trial();
    lines.push(format!("netns add {namespace}"));
    Tool::IP.batch(names, None, &lines)?;
    let tried = what(&namespace);
    Tool::IP.batch(names, None, &[delete(&namespace)])?;
    tried
}

/// Where a topology wants that, and what.
fn fields(topology: &Topology, need: Need) -> Vec<(String, String)> {
    let value = |speed: Option<String>, latency: Option<Latency>| match need {
        Need::Speed => speed.map(|speed| ("linkSpeed", speed)),
        Need::Latency => latency
            .filter(|latency| *latency != Latency::default())
            .map(|latency| ("latency", latency.to_string())),
    };
    let mut found = Vec::new();
    for (number, network) in topology.networks.iter().enumerate() {
        let speed = network.link_speed.map(|speed| speed.to_string());
        if let Some((field, value)) = value(speed, network.latency) {
            found.push((format!("networks[{number}].{field}"), value));
        }
    }
    for (number, node) in topology.nodes.iter().enumerate() {
        for (name, link) in &node.networks {
            let speed = link.link_speed.map(|speed| speed.to_string());
            if let Some((field, value)) = value(speed, link.latency) {
                found.push((format!("nodes[{number}].networks.{name}.{field}"), value));
            }
        }
    }
    found
}

/// The capabilities that a process with this `/proc/PID/status` lacks.
fn missing_capabilities(status: &str) -> Vec<&'static str> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let has = line.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()).unwrap_or(0);
    let missing = CAPABILITIES.into_iter().filter(|(_, number)| has >> number & 1 == 0);
    missing.map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether this machine can have namespaces; says that `test` is skipped if not.
    fn can_have_namespaces(test: &str) -> bool {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let can = missing_capabilities(&status).is_empty() && check_installed().is_ok();
        if !can {
            eprintln!("skipped: {test}, for want of root or iproute2");
        }
        can
    }

    #[test]
    fn what_a_killed_trial_has_left_is_removed_by_the_next() {
        if !can_have_namespaces("what_a_killed_trial_has_left_is_removed_by_the_next") {
            return;
        }
        // No process has that number, and no directory either that is likely.
        let left = "ferry-fffffff7--trial";
        let _turn = crate::testbed::netns::Turn::wait_here().unwrap();
        Tool::IP.run(&["netns", "add", left]).unwrap();
        let mut tried = Vec::new();
        in_trial(&Names::of_process(), |namespace| {
            tried = existing()?.into_iter().filter(|it| Names::is_trial(it)).collect();
            assert_eq!(tried, [namespace]);
            Ok(())
        })
        .unwrap();
        assert_eq!(tried.len(), 1);
        assert!(!existing().unwrap().iter().any(|it| Names::is_trial(it)));
    }

    #[test]
    fn root_can_have_namespaces_where_iproute2_is() {
        if !can_have_namespaces("root_can_have_namespaces_where_iproute2_is") {
            return;
        }
        // A kernel without bridges or queues says what it lacks; anything else is our mistake.
        if let Err(error) = crate::check_namespaces() {
            let said = error.to_string();
            assert!(said.contains("Unknown device type") || said.contains("this kernel"), "{said}");
        }
    }

    #[test]
    fn what_a_process_may_is_read() {
        for (line, missing) in [
            ("CapEff:\t000001ffffffffff", &[][..]),
            ("CapEff:\t0000000000000000", &["CAP_NET_ADMIN", "CAP_SYS_ADMIN"]),
            ("CapEff:\t0000000000001000", &["CAP_SYS_ADMIN"]),
            ("nothing", &["CAP_NET_ADMIN", "CAP_SYS_ADMIN"]),
        ] {
            assert_eq!(missing_capabilities(&format!("Name:\tx\n{line}\n")), missing, "{line}");
        }
    }

    #[test]
    fn fields_that_need_something_of_the_kernel_are_named() {
        let text = "
nodes: [{name: a, networks: {fast: {latency: 0, linkSpeed: 1Mi}}}, {name: b, networks: {pod: {latency: 7us}}}]
networks: [{name: fast, linkSpeed: 1Gi, latency: 2ms}, {name: plain}]
";
        let topology = Topology::parse(text, "t").unwrap();
        let of = |need: Need| -> Vec<String> {
            fields(&topology, need)
                .into_iter()
                .map(|(field, value)| format!("{field} {value}"))
                .collect()
        };
        assert_eq!(
            of(Need::Speed),
            ["networks[0].linkSpeed 1Gi", "nodes[0].networks.fast.linkSpeed 1Mi"]
        );
        assert_eq!(
            of(Need::Latency),
            ["networks[0].latency 2ms", "nodes[1].networks.pod.latency 7us"]
        );
    }
}
