//! How far a change reaches: from one object to those that are looked at together with it.

use std::collections::BTreeSet;

use ferry_api::View;
use ferry_api::kubevirt::{VirtualMachineInstance, VirtualMachineInstanceMigration};
use k8s_openapi::Resource;
use k8s_openapi::api::core::v1::{Node, Pod};

use super::Work;
use crate::instance::facts;
use crate::migration::{siblings, state_of};
use crate::objects::{all, annotation, namespace};
use crate::{Key, pods, words};

/// The instances that a pod says it belongs to: by its owner, and by the name on it.
pub(super) fn instances_of(pod: &Pod) -> BTreeSet<Key> {
    let owners = pod.metadata.owner_references.iter().flatten();
    owners
        .filter(|owner| owner.kind == VirtualMachineInstance::KIND)
        .map(|owner| owner.name.as_str())
        .chain(annotation(pod, words::DOMAIN))
        .map(|name| Key::new(namespace(pod), name))
        .collect()
}

/// All migrations of an instance, those that are over included: they note how it ended.
pub(super) fn migrations_of(view: &impl View, instance: &Key, work: &mut BTreeSet<Work>) {
    let migrations = siblings(view, &instance.namespace, &instance.name);
    work.extend(migrations.iter().map(|it| Work::Migration(Key::of(it))));
}

/// Whether any migration of the instance is there: else the line has nothing to do with it.
pub(super) fn has_migrations(view: &impl View, instance: &Key) -> bool {
    !siblings(view, &instance.namespace, &instance.name).is_empty()
}

/// The emptying of the node that the instance is on, if there may be a reason for it.
pub(super) fn evacuation_of(
    view: &impl View,
    instance: &VirtualMachineInstance,
    work: &mut BTreeSet<Work>,
) {
    let Some(name) = facts::node(instance) else { return };
    let marked = instance.status.as_ref().and_then(|it| it.evacuation_node_name.as_deref());
    let is_tainted = || view.get::<Node>("", name).is_some_and(|node| has_taints(&node));
    // One that was to leave may have a migration that waits in vain.
    let was_to_leave = || {
        let migrations = siblings(view, &Key::of(instance).namespace, &Key::of(instance).name);
        migrations.iter().any(|it| annotation(it, words::EVACUATION).is_some())
    };
    if marked.is_some() || is_tainted() || was_to_leave() {
        work.insert(Work::Evacuation(Key::new("", name)));
    }
}

/// The emptying of every node: whoever could not leave yet may be able to now.
pub(super) fn evacuations(view: &impl View, work: &mut BTreeSet<Work>) {
    let marked = all::<VirtualMachineInstance>(view);
    let marked = marked.iter().filter_map(|it| it.status.as_ref()?.evacuation_node_name.clone());
    let nodes = all::<Node>(view);
    let tainted = nodes.iter().filter(|node| has_taints(node));
    let tainted = tainted.filter_map(|node| node.metadata.name.clone());
    work.extend(marked.chain(tainted).map(|node| Work::Evacuation(Key::new("", node))));
}

fn has_taints(node: &Node) -> bool {
    node.spec.iter().flat_map(|spec| spec.taints.iter().flatten()).next().is_some()
}

/// The instances on a node, or with a pod there, and those whose latest migration began or was to
/// end there.
pub(super) fn instances_at(view: &impl View, node: &str) -> BTreeSet<Key> {
    let is_here = |pod: &&Pod| pods::node(pod) == Some(node);
    let mut found: BTreeSet<Key> =
        all::<Pod>(view).iter().filter(is_here).flat_map(instances_of).collect();
    let instances = all::<VirtualMachineInstance>(view);
    let concerned = instances.iter().filter(|instance| {
        let state = state_of(instance);
        let ends = state.into_iter().flat_map(|it| [&it.source_node, &it.target_node]);
        facts::node(instance) == Some(node) || ends.flatten().any(|end| end == node)
    });
    found.extend(concerned.map(Key::of));
    found
}

/// The instance that a migration moves.
pub(super) fn instance_of(migration: &VirtualMachineInstanceMigration) -> Key {
    Key::new(namespace(migration), migration.spec.vmi_name.as_str())
}
