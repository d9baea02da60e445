//! Which work each kind of object causes when it changes.
//!
//! Most changes of an object are of no concern to most reconcilers: a node says every few seconds
//! that it lives, an instance where its guest is. So each cause names the parts that somebody reads.

use std::collections::BTreeSet;

use ferry_api::hco::v1beta1::HyperConverged;
use ferry_api::kubevirt::{
    KubeVirt, VirtualMachine, VirtualMachineInstance, VirtualMachineInstanceMigration,
};
use ferry_api::{MigrationPolicy, Modelled, NetworkAttachmentDefinition, View};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolumeClaim, Pod};

use super::{Work, everything, reach};
use crate::instance::facts;
use crate::migration::phase;
use crate::objects::{all, annotation, is_leaving, name, namespace, uid};
use crate::{Key, claims, launcher, pods, words};

/// A kind of object whose changes cause work.
pub trait Cause: Modelled {
    /// Adds the work that a change from `old` to `new` may have caused. See [`touched`](super::touched).
    fn cause(view: &impl View, old: Option<&Self>, new: Option<&Self>, work: &mut BTreeSet<Work>);
}

/// Whether what `part` tells of an object is another than before; it is if the object was made, is
/// gone, or is another one.
fn differs<T: Modelled, P: PartialEq>(
    old: Option<&T>,
    new: Option<&T>,
    part: impl Fn(&T) -> P,
) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => uid(old) != uid(new) || part(old) != part(new),
        (Some(_), None) | (None, Some(_)) => true,
        (None, None) => false,
    }
}

/// Whether the object was made, or is gone.
fn comes_or_goes<T: Modelled>(old: Option<&T>, new: Option<&T>) -> bool {
    differs(old, new, |_| ())
}

fn both<'a, T>(old: Option<&'a T>, new: Option<&'a T>) -> impl Iterator<Item = &'a T> {
    old.into_iter().chain(new)
}

fn key<T: Modelled>(old: Option<&T>, new: Option<&T>) -> Option<Key> {
    new.or(old).map(Key::of)
}

impl Cause for HyperConverged {
    fn cause(_: &impl View, old: Option<&Self>, new: Option<&Self>, work: &mut BTreeSet<Work>) {
        work.extend(key(old, new).map(Work::Platform));
    }
}

impl Cause for KubeVirt {
    /// Limits, strategies, networks: everybody reads what it says, and it rarely changes. How it is
    /// itself concerns only who keeps it.
    fn cause(view: &impl View, old: Option<&Self>, new: Option<&Self>, work: &mut BTreeSet<Work>) {
        if differs(old, new, |it| it.spec.clone()) {
            work.extend(everything(view));
        }
        work.extend(all::<HyperConverged>(view).iter().map(|it| Work::Platform(Key::of(it))));
        work.extend(key(old, new).map(Work::Installation));
    }
}

impl Cause for VirtualMachine {
    fn cause(_: &impl View, old: Option<&Self>, new: Option<&Self>, work: &mut BTreeSet<Work>) {
        let Some(key) = key(old, new) else { return };
        if comes_or_goes(old, new) {
            work.insert(Work::Instance(key.clone()));
        }
        work.insert(Work::Machine(key));
    }
}

impl Cause for VirtualMachineInstance {
    fn cause(view: &impl View, old: Option<&Self>, new: Option<&Self>, work: &mut BTreeSet<Work>) {
        let Some(key) = key(old, new) else { return };
        work.insert(Work::Machine(key.clone()));
        work.insert(Work::Instance(key.clone()));
        reach::migrations_of(view, &key, work);
        if reach::has_migrations(view, &key) {
            work.insert(Work::Queue);
        }
        if differs(old, new, |it| facts::node(it).map(str::to_owned)) {
            work.insert(Work::Placement);
        }
        for instance in both(old, new) {
            reach::evacuation_of(view, instance, work);
        }
    }
}

impl Cause for VirtualMachineInstanceMigration {
    fn cause(view: &impl View, old: Option<&Self>, new: Option<&Self>, work: &mut BTreeSet<Work>) {
        let Some(key) = key(old, new) else { return };
        work.insert(Work::Migration(key));
        work.insert(Work::Queue);
        if !differs(old, new, |it| (phase(it), is_leaving(it))) {
            return;
        }
        for migration in both(old, new) {
            let instance = reach::instance_of(migration);
            reach::migrations_of(view, &instance, work);
            work.insert(Work::Instance(instance));
        }
        if differs(old, new, |it| phase(it).is_final()) {
            work.insert(Work::Placement);
            reach::evacuations(view, work);
        }
    }
}

impl Cause for Pod {
    fn cause(view: &impl View, old: Option<&Self>, new: Option<&Self>, work: &mut BTreeSet<Work>) {
        let instances: BTreeSet<Key> = both(old, new).flat_map(reach::instances_of).collect();
        for key in &instances {
            reach::migrations_of(view, key, work);
            let instance: Option<VirtualMachineInstance> = view.get(&key.namespace, &key.name);
            if let Some(instance) = &instance {
                reach::evacuation_of(view, instance, work);
            }
        }
        for pod in both(old, new) {
            let target_of = annotation(pod, words::MIGRATION_NAME);
            work.extend(target_of.map(|it| Work::Migration(Key::new(namespace(pod), it))));
        }
        work.extend(instances.into_iter().map(Work::Instance));
        let takes_room = |pod: &Self| {
            let room = (pods::is_down(pod), is_leaving(pod), pods::node(pod).map(str::to_owned));
            (room, pod.metadata.labels.clone())
        };
        if differs(old, new, takes_room) {
            work.extend([Work::Placement, Work::Queue]);
            // What it has let go of may be waiting to go.
            let used = both(old, new)
                .flat_map(|pod| claims::of_pod(pod).map(|claim| Key::new(namespace(pod), claim)));
            work.extend(used.map(Work::Claim));
        }
        let serves = |pod: &Self| pods::condition(pod, "Ready").map(|it| it.status == "True");
        if differs(old, new, |pod| (pods::node(pod).map(str::to_owned), serves(pod))) {
            let node = new.and_then(pods::node);
            work.extend(node.map(|node| Work::Node(Key::new("", node))));
        }
    }
}

impl Cause for Node {
    fn cause(view: &impl View, old: Option<&Self>, new: Option<&Self>, work: &mut BTreeSet<Work>) {
        let Some(key) = key(old, new) else { return };
        work.insert(Work::Node(key.clone()));
        if differs(old, new, |node| node.spec.clone()) {
            work.insert(Work::Evacuation(key.clone()));
        }
        let room = |node: &Self| {
            let allocatable = node.status.as_ref().and_then(|status| status.allocatable.clone());
            (node.spec.clone(), node.metadata.labels.clone(), allocatable, health(node))
        };
        if differs(old, new, room) {
            work.insert(Work::Placement);
        }
        if differs(old, new, |node| node.metadata.labels.clone()) {
            for instance in reach::instances_at(view, &key.name) {
                reach::migrations_of(view, &instance, work);
                work.insert(Work::Instance(instance));
            }
        }
    }
}

/// What it says of its conditions, without when it said so.
fn health(node: &Node) -> Vec<(String, String)> {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.map(|it| (it.type_.clone(), it.status.clone())).collect()
}

impl Cause for Namespace {
    fn cause(_: &impl View, old: Option<&Self>, new: Option<&Self>, work: &mut BTreeSet<Work>) {
        if differs(old, new, |it| it.metadata.labels.clone()) {
            work.insert(Work::Placement);
        }
    }
}

impl Cause for PersistentVolumeClaim {
    fn cause(view: &impl View, old: Option<&Self>, new: Option<&Self>, work: &mut BTreeSet<Work>) {
        let Some(key) = key(old, new) else { return };
        work.insert(Work::Claim(key.clone()));
        if !differs(old, new, |it| (it.spec.clone(), is_leaving(it))) {
            return;
        }
        let instances = all::<VirtualMachineInstance>(view);
        let users = instances.iter().filter(|instance| {
            namespace(*instance) == key.namespace
                && claims::of(instance).any(|(_, claim)| claim == key.name)
        });
        work.extend(users.map(|instance| Work::Instance(Key::new(&key.namespace, name(instance)))));
    }
}

impl Cause for NetworkAttachmentDefinition {
    /// Migrations may wait for a network, and instances that are on it.
    fn cause(view: &impl View, old: Option<&Self>, new: Option<&Self>, work: &mut BTreeSet<Work>) {
        if !comes_or_goes(old, new) {
            return;
        }
        work.insert(Work::Queue);
        let Some(key) = key(old, new) else { return };
        let there = (key.namespace.as_str(), key.name.as_str());
        let instances = all::<VirtualMachineInstance>(view);
        let users = instances.iter().filter(|it| launcher::networks(it).any(|on| on == there));
        work.extend(users.map(|it| Work::Instance(Key::new(namespace(it), name(it)))));
    }
}

impl Cause for Lease {
    /// A node that lives puts its own end off: the look that was to find it silent finds it alive.
    fn cause(_: &impl View, _: Option<&Self>, _: Option<&Self>, _: &mut BTreeSet<Work>) {}
}

impl Cause for MigrationPolicy {
    /// Policies are asked at hand-off, and by nobody before or after.
    fn cause(_: &impl View, _: Option<&Self>, _: Option<&Self>, _: &mut BTreeSet<Work>) {}
}
