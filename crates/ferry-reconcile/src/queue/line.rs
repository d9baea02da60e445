//! Who stands in line, who holds a slot, and who may not even stand.

use std::collections::{BTreeMap, BTreeSet};

use ferry_api::kubevirt::{
    MigrationPhase as Phase, VirtualMachineInstance, VirtualMachineInstanceMigration,
    VirtualMachineInstancePhase,
};
use ferry_api::{NetworkAttachmentDefinition, View};
use ferry_scheduler::{
    Departure, GuestState, MigrationKey, Pending, Role, Running, Standing, TargetPod,
};
use ferry_units::WallTime;
use k8s_openapi::api::core::v1::{Node, Pod};

use super::backoff;
use crate::cluster::{Cluster, Now};
use crate::instance::{self, facts};
use crate::launcher::{self, Purpose};
use crate::migration::{has_utility_volumes, is_decentralized, phase, state_of};
use crate::objects::{all, created, is_leaving, label, labelled, name, namespace, uid};
use crate::{pods, words};

/// A migration without a target pod.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) migration: VirtualMachineInstanceMigration,
    pub(crate) instance: VirtualMachineInstance,
    pub(crate) pending: Pending,
    /// What keeps it out of the line.
    pub(crate) obstacle: Option<Obstacle>,
    pub(crate) pod_name: String,
    pub(crate) source_pod: Option<Pod>,
    pub(crate) source_node: Option<Node>,
}

/// What a slot would not help against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Earlier attempts have failed; this one waits until then.
    Backoff { until: WallTime },
    /// The network that memory is to cross does not exist.
    NoNetwork { network: String },
    /// The target pod cannot be made: what the guest is on or has is no longer to be had.
    NoPod { why: String },
}

/// The pods of all guests, by the uid of the instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pods {
    by_instance: BTreeMap<String, Vec<Pod>>,
    targets: BTreeSet<String>,
}

impl Pods {
    pub(crate) fn of(view: &impl View) -> Self {
        let mut pods = Self::default();
        for pod in labelled::<Pod>(view, None, words::APP, words::LAUNCHER) {
            if let Some(uid) = label(&pod, words::MIGRATION_UID) {
                pods.targets.insert(uid.to_owned());
            }
            if let Some(uid) = label(&pod, words::CREATED_BY) {
                pods.by_instance.entry(uid.to_owned()).or_default().push(pod);
            }
        }
        pods
    }

    pub(crate) fn of_instance(&self, uid: &str) -> &[Pod] {
        self.by_instance.get(uid).map_or(&[], Vec::as_slice)
    }

    /// How many pods of the instance have not ended.
    // PARITY: pkg/controller/controller.go#VMIActivePodsCount
    pub(crate) fn active(&self, uid: &str) -> u32 {
        let active = self.of_instance(uid).iter().filter(|pod| !pods::is_down(pod)).count();
        u32::try_from(active).unwrap_or(u32::MAX)
    }

    pub(crate) fn standing(&self, migration: &VirtualMachineInstanceMigration) -> Standing {
        let role = match (&migration.spec.send_to, &migration.spec.receive) {
            (Some(_), None) => Role::DecentralizedSource,
            (None, Some(_)) => Role::DecentralizedTarget,
            (None, None) | (Some(_), Some(_)) => Role::Local,
        };
        let has_target = self.targets.contains(uid(migration));
        let target = if has_target { TargetPod::Present } else { TargetPod::Absent };
        Standing::of(phase(migration), role, target)
    }
}

/// The namespace and name of each instance that a migration is under way for.
pub(crate) fn unfinished_by_instance(
    migrations: &[VirtualMachineInstanceMigration],
) -> BTreeSet<(&str, &str)> {
    migrations
        .iter()
        .filter(|migration| !phase(migration).is_final())
        .map(|migration| (namespace(migration), migration.spec.vmi_name.as_str()))
        .collect()
}

/// Those that hold a slot, and those that want one.
pub(super) fn stand(
    view: &impl View,
    cluster: &Cluster,
    now: &Now,
) -> (Vec<Running>, Vec<Waiting>) {
    let migrations: Vec<VirtualMachineInstanceMigration> = all(view);
    let pods = Pods::of(view);
    let network = missing_network(view, cluster);
    let (mut running, mut waiting) = (Vec::new(), Vec::new());
    for migration in &migrations {
        let instance: Option<VirtualMachineInstance> =
            view.get(namespace(migration), &migration.spec.vmi_name);
        match pods.standing(migration) {
            Standing::NotInLine | Standing::Finished => {}
            Standing::HoldsSlot => running.push(Running {
                migration: key(migration),
                guest: migration.spec.vmi_name.clone(),
                departure: instance.as_ref().map_or_else(Departure::default, departure),
            }),
            Standing::InLine => {
                let Some(instance) = instance.filter(|it| wants_slot(migration, it)) else {
                    continue;
                };
                let siblings = migrations.iter().filter(|it| is_sibling(migration, it));
                let until = backoff::until(migration, siblings).filter(|until| now.time < *until);
                let obstacle = until
                    .map(|until| Obstacle::Backoff { until })
                    .or_else(|| network.clone().map(|network| Obstacle::NoNetwork { network }))
                    .or_else(|| {
                        let why = launcher::obstacle(view, cluster, &instance)?;
                        Some(Obstacle::NoPod { why })
                    });
                waiting.push(who_waits(view, &pods, migration, instance, obstacle));
            }
        }
    }
    (running, waiting)
}

/// Whether it would make use of a slot: its own reconciler fails it or holds it up otherwise.
fn wants_slot(
    migration: &VirtualMachineInstanceMigration,
    instance: &VirtualMachineInstance,
) -> bool {
    phase(migration) == Phase::Pending
        && !is_leaving(migration)
        && !is_decentralized(migration)
        && !instance::is_final(instance)
        && !has_utility_volumes(instance)
}

fn is_sibling(
    one: &VirtualMachineInstanceMigration,
    other: &VirtualMachineInstanceMigration,
) -> bool {
    namespace(one) == namespace(other) && one.spec.vmi_name == other.spec.vmi_name
}

fn who_waits(
    view: &impl View,
    pods: &Pods,
    migration: &VirtualMachineInstanceMigration,
    instance: VirtualMachineInstance,
    obstacle: Option<Obstacle>,
) -> Waiting {
    let own = pods.of_instance(uid(&instance));
    let guest_state = match instance::phase(&instance) {
        VirtualMachineInstancePhase::Running => GuestState::Running,
        phase => GuestState::NotRunning { phase },
    };
    let is_taken = |name: &str| view.get::<Pod>(namespace(migration), name).is_some();
    let purpose = Purpose::Target { migration, source_pod: None, source_node: None };
    Waiting {
        pending: Pending {
            migration: key(migration),
            guest: name(&instance).to_owned(),
            departure: departure(&instance),
            priority: migration.spec.priority,
            created: created(migration),
            active_pods: pods.active(uid(&instance)),
            guest_state,
        },
        pod_name: launcher::pod_name(&instance, purpose, is_taken),
        source_pod: facts::current_pod(&instance, own).cloned(),
        source_node: facts::node(&instance).and_then(|node| view.get("", node)),
        migration: migration.clone(),
        instance,
        obstacle,
    }
}

fn key(migration: &VirtualMachineInstanceMigration) -> MigrationKey {
    MigrationKey { namespace: namespace(migration).to_owned(), name: name(migration).to_owned() }
}

fn departure(instance: &VirtualMachineInstance) -> Departure {
    Departure {
        current: facts::node(instance).map(str::to_owned),
        recorded_source: state_of(instance).and_then(|state| state.source_node.clone()),
    }
}

/// The network that the configuration names, where there is no such network. It is looked for where
/// the platform is installed, or in the namespace that the name begins with.
fn missing_network(view: &impl View, cluster: &Cluster) -> Option<String> {
    let configured = &cluster.migrations.network.as_ref()?.value;
    let (namespace, name) = match configured.split_once('/') {
        Some(parts) => parts,
        None => (cluster.installed_in.as_deref()?, configured.as_str()),
    };
    let found: Option<NetworkAttachmentDefinition> = view.get(namespace, name);
    found.is_none().then(|| format!("{namespace}/{name}"))
}
