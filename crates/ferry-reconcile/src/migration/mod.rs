//! A migration, from its first look to its end. One file for each phase; each look takes one step.
//!
//! ```text
//!  (new) ─► Pending ─► Scheduling ─► Scheduled ─► PreparingTarget ─► TargetReady ─► Running ─► Succeeded
//!    unset    pending     scheduling    handoff       preparing       target_ready    running
//!      └─────────┴────────────┴─────────────┴── failure, abort ──┴──────────┴────────────┴────► Failed
//! ```
//!
//! Before hand-off nobody but the control plane knows of the migration, and it can be undone by taking
//! its target pod away. Hand-off is one write: it puts everything that the nodes need to know into the
//! instance's `status.migrationState`. After it the nodes have the migration, and the control plane
//! reads what they write there. Who gets a slot, and so a target pod, is the [queue](crate::queue)'s
//! business.

mod abort;
mod failure;
mod finished;
mod handoff;
mod pending;
mod preparing;
mod running;
mod scheduled;
mod scheduling;
mod step;
mod target_ready;
mod timeouts;
mod unset;

use std::collections::BTreeMap;

use ferry_api::kubevirt::{
    MigrationPhase as Phase, MigrationState, VirtualMachineInstance,
    VirtualMachineInstanceMigration,
};
use ferry_api::{Labels, MigrationPolicy, View};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};

use crate::cluster::{Cluster, Now};
use crate::objects::{all, labelled, uid};
use crate::plan::Plan;
use crate::{Key, pods, words};

pub(crate) use pending::has_utility_volumes;
pub(crate) use step::{WAITING, waits_for};

use step::Step;

/// What there is to see of a migration.
#[derive(Clone, Debug)]
pub struct Observed {
    pub(crate) now: Now,
    pub(crate) cluster: Cluster,
    pub(crate) migration: VirtualMachineInstanceMigration,
    /// What is to be moved.
    pub(crate) instance: Option<VirtualMachineInstance>,
    /// The pods of the instance, and the target pod.
    pub(crate) pods: Vec<Pod>,
    /// All migrations of the instance, this one included.
    pub(crate) siblings: Vec<VirtualMachineInstanceMigration>,
    /// The policies, where they are about to be asked.
    pub(crate) policies: Vec<MigrationPolicy>,
    pub(crate) namespace_labels: Labels,
    /// The nodes that the guest leaves and goes to, as far as there is one.
    pub(crate) nodes: BTreeMap<String, Option<Node>>,
}

/// Looks at a migration; nothing where there is none.
pub fn observe(view: &impl View, key: &Key, now: &Now) -> Option<Observed> {
    let migration: VirtualMachineInstanceMigration = view.get(&key.namespace, &key.name)?;
    let name = migration.spec.vmi_name.as_str();
    let instance: Option<VirtualMachineInstance> = view.get(&key.namespace, name);
    let mut pods = match &instance {
        Some(instance) => pods::of_instance(view, &key.namespace, uid(instance)),
        None => Vec::new(),
    };
    for pod in labelled(view, Some(&key.namespace), words::MIGRATION_UID, uid(&migration)) {
        if !pods.iter().any(|known| uid(known) == uid(&pod)) {
            pods.push(pod);
        }
    }
    let state = instance.as_ref().and_then(state_of);
    let ends = state.into_iter().flat_map(|state| [&state.source_node, &state.target_node]);
    let nodes = ends.flatten().map(|node| (node.clone(), view.get("", node))).collect();
    let is_asked = phase(&migration) == Phase::Scheduled;
    Some(Observed {
        now: *now,
        cluster: Cluster::of(view),
        siblings: siblings(view, &key.namespace, name),
        policies: if is_asked { all(view) } else { Vec::new() },
        namespace_labels: view
            .get::<Namespace>("", &key.namespace)
            .and_then(|namespace| namespace.metadata.labels)
            .unwrap_or_default(),
        migration,
        instance,
        pods,
        nodes,
    })
}

/// What is to be done about a migration.
// PARITY: pkg/virt-controller/watch/migration/migration.go#updateStatus
pub fn plan(seen: &Observed) -> Plan {
    let mut step = Step::new(seen);
    let Some(instance) = &seen.instance else {
        abort::without_instance(seen, &mut step);
        return step.done();
    };
    let before = phase(&seen.migration);
    if before.is_final() {
        finished::plan(seen, instance, &mut step);
    } else if !failure::fails(seen, instance, &mut step) {
        abort::note(seen, &mut step);
        match before {
            Phase::Unset | Phase::WaitingForSync | Phase::Synchronizing => {
                unset::advance(seen, instance, &mut step);
            }
            Phase::Pending => pending::advance(seen, instance, &mut step),
            Phase::Scheduling => scheduling::advance(seen, &mut step),
            Phase::Scheduled => scheduled::advance(seen, instance, &mut step),
            Phase::PreparingTarget => preparing::advance(seen, instance, &mut step),
            Phase::TargetReady => target_ready::advance(seen, instance, &mut step),
            Phase::Running => running::advance(seen, instance, &mut step),
            Phase::Succeeded | Phase::Failed => {}
        }
    }
    step.done()
}

/// All migrations of an instance. The label that they are found by is set when they are made.
pub(crate) fn siblings(
    view: &impl View,
    namespace: &str,
    instance: &str,
) -> Vec<VirtualMachineInstanceMigration> {
    let mut siblings: Vec<VirtualMachineInstanceMigration> =
        labelled(view, Some(namespace), words::VMI_NAME, instance);
    siblings.retain(|sibling| sibling.spec.vmi_name == instance);
    siblings
}

pub(crate) fn phase(migration: &VirtualMachineInstanceMigration) -> Phase {
    migration.status.as_ref().map_or(Phase::Unset, |status| status.phase)
}

/// What the nodes know of the instance's latest migration.
pub(crate) fn state_of(instance: &VirtualMachineInstance) -> Option<&MigrationState> {
    instance.status.as_ref()?.migration_state.as_ref()
}

/// Exactly one half of the migration is in this cluster.
// PARITY: staging/src/kubevirt.io/api/core/v1/types.go#IsDecentralized
pub(crate) const fn is_decentralized(migration: &VirtualMachineInstanceMigration) -> bool {
    migration.spec.send_to.is_some() != migration.spec.receive.is_some()
}

impl Observed {
    fn uid(&self) -> &str {
        uid(&self.migration)
    }

    fn target_pod(&self) -> Option<&Pod> {
        pods::target_of(&self.pods, self.uid())
    }

    /// What the nodes know of this migration, if they know of it.
    fn own_state<'a>(&self, instance: &'a VirtualMachineInstance) -> Option<&'a MigrationState> {
        state_of(instance).filter(|state| state.migration_uid.as_deref() == Some(self.uid()))
    }

    /// Whether the nodes have it.
    // PARITY: pkg/virt-controller/watch/migration/migration.go#isMigrationHandedOff
    fn is_handed_off(&self, instance: &VirtualMachineInstance) -> bool {
        let by_phase = match phase(&self.migration) {
            Phase::PreparingTarget | Phase::TargetReady | Phase::Running => true,
            Phase::Unset
            | Phase::WaitingForSync
            | Phase::Synchronizing
            | Phase::Pending
            | Phase::Scheduling
            | Phase::Scheduled
            | Phase::Succeeded
            | Phase::Failed => false,
        };
        by_phase || self.own_state(instance).is_some()
    }
}
