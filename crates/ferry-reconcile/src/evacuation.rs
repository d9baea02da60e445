//! Emptying a node: every guest that may leave it gets a migration.
//!
//! A node is emptied when it carries the drain taint; of other nodes those guests leave whose pods
//! somebody has evicted. All migrations are made at once, and the line lets as many go as there are
//! slots. One that fails is made again, and waits in the line until its time has come, while others
//! pass it. One that still waits when its guest may stay after all is taken back.

use std::collections::BTreeSet;

use ferry_api::View;
use ferry_api::kubevirt::{
    MigrationPriority, VirtualMachineInstance, VirtualMachineInstanceMigration,
    VirtualMachineInstanceMigrationSpec,
};
use ferry_scheduler::Standing;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::cluster::Cluster;
use crate::instance::{self, facts};
use crate::migration::state_of;
use crate::objects::{
    all, annotation, create, created, delete, is_leaving, name, namespace, reference,
    set_annotation, set_label, uid,
};
use crate::plan::{Component, Event, Grace, Plan};
use crate::queue::{Pods, unfinished_by_instance};
use crate::{Key, conditions, words};

/// What the names of migrations that are made here begin with.
// PARITY: pkg/virt-controller/watch/drain/evacuation/evacuation.go#GenerateNewMigration
const PREFIX: &str = "kubevirt-evacuation-";

/// What there is to see of a node that may have to be emptied.
#[derive(Clone, Debug)]
pub struct Observed {
    node: String,
    /// Guests that are to leave, each with the name of the migration to make.
    candidates: Vec<(VirtualMachineInstance, String)>,
    /// Migrations that wait, and that nobody wants any more.
    called_off: Vec<VirtualMachineInstanceMigration>,
}

/// Looks at the node of that name; nothing where there is none.
pub fn observe(view: &impl View, key: &Key) -> Option<Observed> {
    let node: Node = view.get("", &key.name)?;
    let cluster = Cluster::of(view);
    let migrations: Vec<VirtualMachineInstanceMigration> = all(view);
    let pods = Pods::of(view);
    let moving = unfinished_by_instance(&migrations);
    let is_drained = is_drained(&node, cluster.drain_taint());
    let instances: Vec<VirtualMachineInstance> = all(view);
    let here = || instances.iter().filter(|it| facts::node(it) == Some(&key.name));
    let is_wanted_away =
        |instance: &VirtualMachineInstance| is_drained || is_marked(instance, &key.name);
    let candidates = here()
        .filter(|instance| is_wanted_away(instance))
        .filter(|instance| may_leave(instance, &cluster.eviction_strategy))
        .filter(|instance| !moving.contains(&(namespace(*instance), name(*instance))))
        .filter(|instance| pods.active(uid(*instance)) <= 1)
        .map(|instance| (instance.clone(), migration_name(view, instance, &migrations)))
        .collect();
    let staying: BTreeSet<_> = here()
        .filter(|instance| !is_wanted_away(instance))
        .map(|instance| (namespace(instance), name(instance)))
        .collect();
    let called_off = migrations
        .iter()
        .filter(|it| annotation(*it, words::EVACUATION) == Some(key.name.as_str()))
        // Others may say that they evacuate, and know why.
        .filter(|it| name(*it).starts_with(PREFIX))
        .filter(|it| pods.standing(it) == Standing::InLine && !is_leaving(*it))
        .filter(|it| staying.contains(&(namespace(*it), it.spec.vmi_name.as_str())))
        .cloned()
        .collect();
    Some(Observed { node: key.name.clone(), candidates, called_off })
}

/// What is to be done about the node's guests: all of them at once, as KubeVirt does since 1.9.
// PARITY: pkg/virt-controller/watch/drain/evacuation/evacuation.go#sync
pub fn plan(seen: &Observed) -> Plan {
    let mut plan = Plan::idle();
    for migration in &seen.called_off {
        plan.push(delete(migration, Grace::OfItsOwn));
    }
    for (instance, name) in &seen.candidates {
        plan.push(create(&migration(instance, name, &seen.node)));
        plan.push(
            Event::normal(
                reference(instance),
                "SuccessfulCreate",
                format!("Created Migration {name}"),
            )
            .by(Component::Evacuation),
        );
    }
    plan
}

fn is_drained(node: &Node, key: &str) -> bool {
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    taints.into_iter().any(|taint| taint.key == key && taint.effect == "NoSchedule")
}

/// Whether somebody evicted its pod from this node, and it has not begun to move.
fn is_marked(instance: &VirtualMachineInstance, node: &str) -> bool {
    let marked = instance.status.as_ref().and_then(|it| it.evacuation_node_name.as_deref());
    marked == Some(node) && !is_migrating(instance)
}

/// Whether memory crosses.
// PARITY: pkg/util/migrations/migrations.go#IsMigrating
pub(crate) fn is_migrating(instance: &VirtualMachineInstance) -> bool {
    let state = state_of(instance);
    state.is_some_and(|state| state.start_timestamp.is_some() && state.end_timestamp.is_none())
}

/// Whether it is to be moved rather than ended, and can be.
// PARITY: pkg/virt-controller/watch/drain/evacuation/evacuation.go#filterRunningNonMigratingVMIs
fn may_leave(instance: &VirtualMachineInstance, default_strategy: &str) -> bool {
    let strategy = instance.spec.eviction_strategy.as_deref().unwrap_or(default_strategy);
    matches!(strategy, "LiveMigrate" | "LiveMigrateIfPossible")
        && !is_leaving(instance)
        && !instance::is_final(instance)
        && conditions::is_true(instance, "LiveMigratable")
}

/// The name of the next migration: another one after each attempt, and the same for whoever asks
/// before it is made.
fn migration_name(
    view: &impl View,
    instance: &VirtualMachineInstance,
    migrations: &[VirtualMachineInstanceMigration],
) -> String {
    let attempts = migrations.iter().filter(|migration| {
        namespace(*migration) == namespace(instance) && migration.spec.vmi_name == name(instance)
    });
    let latest = attempts.max_by_key(|attempt| (created(*attempt), name(*attempt)));
    let seed = format!("{}/{}", uid(instance), latest.map(uid).unwrap_or_default());
    words::stable_name(PREFIX, &seed, |name| {
        view.get::<VirtualMachineInstanceMigration>(namespace(instance), name).is_some()
    })
}

// PARITY: pkg/virt-controller/watch/drain/evacuation/evacuation.go#GenerateNewMigration
fn migration(
    instance: &VirtualMachineInstance,
    name_: &str,
    node: &str,
) -> VirtualMachineInstanceMigration {
    let mut metadata = ObjectMeta {
        name: Some(name_.to_owned()),
        namespace: Some(namespace(instance).to_owned()),
        finalizers: Some(vec![words::MIGRATION_FINALIZER.to_owned()]),
        ..ObjectMeta::default()
    };
    set_annotation(&mut metadata, words::EVACUATION, node);
    set_label(&mut metadata, words::VMI_NAME, name(instance));
    let is_rebalanced = annotation(instance, words::EVICTION_SOURCE) == Some("descheduler");
    VirtualMachineInstanceMigration {
        metadata,
        spec: VirtualMachineInstanceMigrationSpec {
            vmi_name: name(instance).to_owned(),
            priority: Some(if is_rebalanced {
                MigrationPriority::SystemMaintenance
            } else {
                MigrationPriority::SystemCritical
            }),
            ..VirtualMachineInstanceMigrationSpec::default()
        },
        status: None,
    }
}
