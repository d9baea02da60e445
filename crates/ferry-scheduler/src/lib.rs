//! Which node takes a guest, and which waiting migration may start.
//!
//! Both questions are answered by a function from values to a value that carries its reasons.
//! Nothing here reads a clock, rolls dice or remembers an earlier answer: the same cluster gets
//! the same answer, and ties go by name.
//!
//! [`schedule`] holds what a guest asks for ([`Demand`]) against the cluster
//! ([`ClusterSnapshot`]). A node counts for the first [`Filter`] that refuses it; of the others the
//! one with the highest [`Score`] is taken. Where there is none, the answer prints as the sentence
//! that Kubernetes' scheduler would print, only that it names what is missing:
//!
//! ```
//! use ferry_api::Labels;
//! use ferry_scheduler::{
//!     ClusterSnapshot, Demand, MilliCpu, Node, Resources, TargetSelector, schedule,
//! };
//! use ferry_units::Bytes;
//!
//! let labels = |pairs: &[(&str, &str)]| -> Labels {
//!     pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
//! };
//! let room = |cores: u64, gib| Resources {
//!     cpu: MilliCpu(cores * 1000),
//!     memory: Bytes::from_gib(gib),
//! };
//!
//! let mut cluster = ClusterSnapshot::new();
//! for name in ["node-1", "node-2", "node-3"] {
//!     let mut node = Node::new(name, room(16, 64));
//!     node.labels = labels(&[("kubevirt.io/schedulable", "true"), ("zone", "a")]);
//!     cluster.put_node(node);
//! }
//!
//! // A migration away from node-1 that adds a label to what the VM asks for.
//! let mut demand = Demand::new("shop", "uid-of-the-guest", room(1, 8));
//! demand.source_node = Some("node-1".to_owned());
//! let vm = labels(&[("zone", "a")]);
//! demand.selector =
//!     TargetSelector::merge(vm.clone(), labels(&[("accelerator", "gpu-enabled23")]));
//! assert_eq!(
//!     schedule(&demand, &cluster).unwrap_err().to_string(),
//!     "0/3 nodes are available: 1 is the source node, \
//!      2 didn't match node selector accelerator=gpu-enabled23",
//! );
//!
//! demand.selector = TargetSelector::merge(vm, Labels::new());
//! assert_eq!(schedule(&demand, &cluster).unwrap().node, "node-2");
//! ```
//!
//! [`grant`] decides over the whole line of waiting migrations at once, so two of them can never
//! both see the last free slot, and tells every one that has to wait what it waits for:
//!
//! ```
//! use ferry_config::ClusterLimits;
//! use ferry_scheduler::{Departure, Decision, GuestState, MigrationKey, Pending, grant};
//! use ferry_units::WallTime;
//!
//! let waiting = |name: &str, second| Pending {
//!     migration: MigrationKey { namespace: "shop".to_owned(), name: name.to_owned() },
//!     guest: format!("vm-of-{name}"),
//!     departure: Departure::from_node("node-1"),
//!     priority: None,
//!     created: WallTime::from_unix_seconds(second).unwrap(),
//!     active_pods: 1,
//!     guest_state: GuestState::Running,
//! };
//! let line = [waiting("third", 3), waiting("first", 1), waiting("second", 2)];
//! let verdicts = grant(&[], &line, &ClusterLimits::default());
//!
//! assert_eq!(verdicts[0].pending.migration.name, "first");
//! assert_eq!(verdicts[1].decision, Decision::Start);
//! let Decision::Wait(reason) = verdicts[2].decision else { unreachable!() };
//! assert_eq!(
//!     reason.to_string(),
//!     "waiting for a slot: parallelOutboundMigrationsPerNode 2 of 2 in use on node-1, \
//!      position 1 in line",
//! );
//! ```
//!
//! # What placement does not look at
//!
//! A [`Demand`] is read from a pod, as the scheduler of any cluster would ([`Demand::from_wire`]);
//! what a virtual machine's spec says of CPU models, machine types and the like is rendered into
//! that pod's node selector before. Not looked at are topology spread constraints, preferred pod
//! affinity, and resources other than CPU and memory (`pods`, `devices.kubevirt.io/kvm`, huge
//! pages).

use ferry_api::Labels;

mod error;
mod placement;
mod queue;
mod wire;

pub use placement::{ClusterSnapshot, Demand, Placement, Unschedulable, schedule};
// What a demand consists of.
pub use placement::{
    CpuAllocationRatio, DroppedPair, GuestSize, Hardware, MemoryOvercommit, MilliCpu,
    NameRequirement, NamespaceScope, NodeAffinity, NodeTerm, PodAffinity, PodTerm, PreferredTerm,
    Resources, TargetSelector, ToleratedTaints, Toleration,
};
// What a cluster consists of.
pub use placement::{Arrival, Cordon, Node, NodeHealth, PlacedPod, PodKey, Taint, TaintEffect};
// What an answer consists of.
pub use placement::{Filter, Reason, Refusals, Score, Shortage};

pub use queue::{Decision, SlotUse, Verdict, WaitReason, grant};
// Who stands in line, and in which order.
pub use queue::{
    Departure, GuestState, MigrationKey, Pending, Role, Running, Standing, TargetPod,
    priority_weight,
};

pub use error::{FieldProblem, SchedulerError};
pub use wire::Overcommit;
