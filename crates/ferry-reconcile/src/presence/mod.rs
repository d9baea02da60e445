//! What a node says of itself: its Node object, and that it still lives.
//!
//! A node that is not there is made, with everything that it was told to be. One that is there keeps
//! what others have made of it (taints, cordons, labels of theirs), and has put right what only the
//! node can know.

mod labels;
mod status;

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeSet;
use std::time::Duration;

use ferry_api::{Labels, View};
use ferry_units::{Bytes, WallTime};
use k8s_openapi::api::core::v1::{Node, NodeSpec, NodeStatus, NodeSystemInfo, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::objects::{annotation, change, create, set_annotation};
use crate::plan::{Part, Plan};

/// When a node was last heard of by whoever looks at guests.
// PARITY: pkg/virt-handler/heartbeat/heartbeat.go#do
const HEARTBEAT: &str = "kubevirt.io/heartbeat";

/// How often it is heard of. Upstream takes one to two minutes, by chance.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(60);

/// How often a status is posted that has not changed. The lease says in between that the node lives.
// PARITY: pkg/kubelet/apis/config/v1beta1/defaults.go#SetDefaults_KubeletConfiguration
const REPORT_EVERY: Duration = Duration::from_secs(5 * 60);

/// A node, as it knows itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Presence {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// The port that it serves gRPC at.
    pub port: u16,
    /// The networks that guests can move over and that it has an address on.
    pub networks: BTreeSet<String>,
    /// The labels that it is to begin with.
    pub labels: Labels,
    /// The taints that it is to begin with.
    pub taints: Vec<Taint>,
    /// Memory for guests.
    pub memory: Bytes,
    /// CPUs for guests.
    pub cpus: u32,
    /// The model of CPU that it offers.
    pub cpu_model: String,
    /// The types of machine that QEMU knows here, if it is here.
    pub machines: BTreeSet<String>,
    /// The machine and the programs.
    pub system: NodeSystemInfo,
}

/// What there is to see of a node by itself.
#[derive(Clone, Debug)]
pub struct Observed {
    me: Presence,
    now: WallTime,
    node: Option<Node>,
}

/// Where a node serves gRPC, if it says so.
pub fn endpoint(node: &Node) -> Option<SocketAddr> {
    const INTERNAL: &str = "InternalIP";
    let status = node.status.as_ref()?;
    let address = status.addresses.iter().flatten().find(|address| address.type_ == INTERNAL)?;
    let port = status.daemon_endpoints.as_ref()?.kubelet_endpoint.as_ref()?.port;
    let port = u16::try_from(port).ok().filter(|port| *port > 0)?;
    Some(SocketAddr::new(address.address.parse().ok()?, port))
}

/// Looks at the own node.
pub fn observe(view: &impl View, me: &Presence, now: WallTime) -> Observed {
    Observed { node: view.get("", &me.name), me: me.clone(), now }
}

/// What is to be said.
// PARITY: pkg/kubelet/kubelet_node_status.go#tryRegisterWithAPIServer
pub fn plan(seen: &Observed) -> Plan {
    let Observed { me, now, node } = seen;
    let mut plan = Plan::idle();
    let Some(node) = node else {
        plan.push(create(&introduced(me, *now)));
        return plan;
    };
    let mut after = node.clone();
    labels::keep(me, &mut after.metadata);
    let heard = annotation(node, HEARTBEAT).and_then(|text| text.parse().ok());
    let due = heard.map(|heard: WallTime| heard.after(HEARTBEAT_EVERY));
    match due {
        Some(due) if *now < due => plan.look_again(due),
        Some(_) | None => {
            set_annotation(&mut after.metadata, HEARTBEAT, &now.whole_seconds().to_string());
        }
    }
    if let Some(patch) = change(Part::Main, node, &after) {
        // The status would be refused right after it; the next look writes that.
        plan.push(patch);
        plan.look_again(*now);
        return plan;
    }
    let mut after = node.clone();
    let due = status::keep(me, after.status.get_or_insert_default(), *now, REPORT_EVERY);
    plan.look_again(due);
    if let Some(patch) = change(Part::Status, node, &after) {
        plan.push(patch);
    }
    plan
}

/// The node as it introduces itself.
fn introduced(me: &Presence, now: WallTime) -> Node {
    let mut metadata = ObjectMeta {
        name: Some(me.name.clone()),
        labels: Some(me.labels.clone()),
        ..ObjectMeta::default()
    };
    labels::keep(me, &mut metadata);
    set_annotation(&mut metadata, HEARTBEAT, &now.whole_seconds().to_string());
    let mut status = NodeStatus::default();
    status::keep(me, &mut status, now, REPORT_EVERY);
    let taints = (!me.taints.is_empty()).then(|| me.taints.clone());
    Node { metadata, spec: Some(NodeSpec { taints, ..NodeSpec::default() }), status: Some(status) }
}
