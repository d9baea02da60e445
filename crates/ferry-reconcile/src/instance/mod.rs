//! An instance and its pod: from the wish for a guest to the moment at which a node has it, and what
//! is to be cleaned up when it is over.
//!
//! ```text
//!  (new) ─► Pending ─► Scheduling ─► Scheduled ─► Running ─► Succeeded
//!              pod made    pod runs │      └ the node ┘        Failed
//!                     pod or node lost ──────────────────────────┘
//! ```
//!
//! The arrows up to `Scheduled` are drawn here, those after it by the node that has the guest; a guest
//! whose pod or node is gone for good fails here, because nobody is left to say so.

mod ending;
pub(crate) mod facts;
mod life;
pub(crate) mod migratable;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use ferry_api::View;
use ferry_api::kubevirt::{
    VirtualMachine, VirtualMachineInstance, VirtualMachineInstanceMigration,
    VirtualMachineInstancePhase,
};
use ferry_units::WallTime;
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod};

use crate::cluster::{Cluster, Now};
use crate::launcher::{self, Purpose};
use crate::objects::{change, is_managed_by, labelled, name, uid};
use crate::plan::{Part, Plan};
use crate::{Key, claims, migration, pods, words};

pub(crate) use facts::{enter, is_final, phase};

/// What there is to see of an instance.
#[derive(Clone, Debug)]
pub struct Observed {
    pub(crate) now: WallTime,
    pub(crate) cluster: Cluster,
    pub(crate) instance: VirtualMachineInstance,
    /// Its pods, targets of migrations included.
    pub(crate) pods: Vec<Pod>,
    /// The node of each pod, and of the instance, as far as there is one.
    pub(crate) nodes: BTreeMap<String, Option<Node>>,
    /// The claims that it names, as far as there is one.
    pub(crate) claims: BTreeMap<String, Option<PersistentVolumeClaim>>,
    /// Whether the machine that made it is still there.
    pub(crate) has_machine: bool,
    /// The uids of its migrations that are under way.
    pub(crate) unfinished: BTreeSet<String>,
    /// The name of its first pod.
    pub(crate) pod_name: String,
    /// Why that cannot be made.
    pub(crate) obstacle: Option<String>,
}

/// Looks at an instance; nothing where there is none.
pub fn observe(view: &impl View, key: &Key, now: &Now) -> Option<Observed> {
    let instance: VirtualMachineInstance = view.get(&key.namespace, &key.name)?;
    let pods = pods::of_instance(view, &key.namespace, uid(&instance));
    let names = pods.iter().filter_map(pods::node).chain(facts::node(&instance));
    let nodes = names.map(|node| (node.to_owned(), view.get("", node))).collect();
    let claims = claims::of(&instance)
        .map(|(_, claim)| (claim.to_owned(), view.get(&key.namespace, claim)))
        .collect();
    let owners = instance.metadata.owner_references.iter().flatten();
    let has_machine = owners.filter(|owner| owner.controller == Some(true)).any(|owner| {
        view.get::<VirtualMachine>(&key.namespace, &owner.name)
            .is_some_and(|machine| uid(&machine) == owner.uid)
    });
    let cluster = Cluster::of(view);
    let is_taken = |name: &str| {
        view.get::<Pod>(&key.namespace, name)
            .is_some_and(|pod| !is_managed_by(&pod, uid(&instance)))
    };
    let pod_name = launcher::pod_name(&instance, Purpose::Start, is_taken);
    let migrations = labelled::<VirtualMachineInstanceMigration>(
        view,
        Some(&key.namespace),
        words::VMI_NAME,
        name(&instance),
    );
    Some(Observed {
        now: now.time,
        obstacle: launcher::obstacle(view, &cluster, &instance),
        cluster,
        unfinished: migrations
            .iter()
            .filter(|migration| !migration::phase(migration).is_final())
            .map(|migration| uid(migration).to_owned())
            .collect(),
        instance,
        pods,
        nodes,
        claims,
        has_machine,
        pod_name,
    })
}

/// What is to be done about an instance.
pub fn plan(seen: &Observed) -> Plan {
    let mut plan = Plan::idle();
    let mut after = seen.instance.clone();
    if ending::is_over(seen) {
        ending::clean(seen, &mut after, &mut plan);
    } else {
        life::advance(seen, &mut after, &mut plan);
    }
    facts::keep(seen, &mut after, &mut plan);
    // What is written comes before what follows from it.
    if let Some(patch) = change(Part::Main, &seen.instance, &after) {
        plan.actions.insert(0, patch.into());
    }
    plan
}

impl Observed {
    /// The pod that the guest is in or will be in: not the target of a migration, unless the guest
    /// has arrived there.
    // PARITY: pkg/controller/controller.go#CurrentVMIPod
    pub(crate) fn current_pod(&self) -> Option<&Pod> {
        facts::current_pod(&self.instance, &self.pods)
    }

    /// Whether the node of that name is gone for good.
    pub(crate) fn is_lost(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(Option::is_none)
    }

    pub(crate) fn phase(&self) -> VirtualMachineInstancePhase {
        phase(&self.instance)
    }
}
