//! What there is to do at all, and which of it a change may have caused.
//!
//! Whoever carries out plans needs to know no domain: it keeps a list of [`Work`], takes one after the
//! other, [`look`]s, and does what the plans say. What is on the list follows from what has changed
//! ([`Cause`]), and after a start, or to be safe, from what there is ([`everything`]).
//!
//! ```text
//!  an object has changed ──touched──► Work ──look──► Plans ──► other objects change
//! ```
//!
//! Work that is caused for nothing costs a look. Work that is not caused, though something is to be
//! done, is a bug: a test lets a played cluster live from causes alone, and then asks everybody.

mod causes;
mod reach;

use std::collections::BTreeSet;

use ferry_api::hco::v1beta1::HyperConverged;
use ferry_api::kubevirt::{
    KubeVirt, VirtualMachine, VirtualMachineInstance, VirtualMachineInstanceMigration,
};
use ferry_api::{Kind, Modelled, View};
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim};

use crate::objects::all;
use crate::{
    Key, Now, ObjectRef, Plan, claims, evacuation, installation, instance, machine, migration,
    node, placement, platform, queue,
};

pub use causes::Cause;

/// One reconciler and what it is to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    /// A HyperConverged.
    Platform(Key),
    /// A KubeVirt.
    Installation(Key),
    /// The life of a node.
    Node(Key),
    /// A machine.
    Machine(Key),
    /// An instance.
    Instance(Key),
    /// A claim.
    Claim(Key),
    /// All pods without a node.
    Placement,
    /// All migrations that wait.
    Queue,
    /// A node that may have to be emptied.
    Evacuation(Key),
    /// A migration.
    Migration(Key),
}

/// Which work the change of an object may have caused: `old` is nothing where it was made, and `new`
/// where it is gone. `view` is the cluster as it is after the change.
pub fn touched<T: Cause>(view: &impl View, old: Option<&T>, new: Option<&T>) -> BTreeSet<Work> {
    let mut work = BTreeSet::new();
    T::cause(view, old, new, &mut work);
    work
}

/// All work that there can be.
pub fn everything(view: &impl View) -> BTreeSet<Work> {
    fn of_each<T: Modelled>(view: &impl View, work: fn(Key) -> Work) -> Vec<Work> {
        all::<T>(view).iter().map(|object| work(Key::of(object))).collect()
    }
    let mut work = BTreeSet::from([Work::Placement, Work::Queue]);
    work.extend(of_each::<HyperConverged>(view, Work::Platform));
    work.extend(of_each::<KubeVirt>(view, Work::Installation));
    work.extend(of_each::<Node>(view, Work::Node));
    work.extend(of_each::<Node>(view, Work::Evacuation));
    work.extend(of_each::<VirtualMachine>(view, Work::Machine));
    work.extend(of_each::<VirtualMachineInstance>(view, Work::Instance));
    work.extend(of_each::<PersistentVolumeClaim>(view, Work::Claim));
    work.extend(of_each::<VirtualMachineInstanceMigration>(view, Work::Migration));
    work
}

/// What is to be done about `work`: plans that do not depend on each other, none where there is
/// nothing to look at.
pub fn look(view: &impl View, work: &Work, now: &Now) -> Vec<Plan> {
    let plan = match work {
        Work::Placement => return placement::plan(&placement::observe(view, now)),
        Work::Queue => return queue::plan(&queue::observe(view, now)),
        Work::Platform(key) => platform::observe(view, key, now).map(|it| platform::plan(&it)),
        Work::Installation(key) => {
            installation::observe(view, key, now).map(|it| installation::plan(&it))
        }
        Work::Node(key) => node::observe(view, key, now).map(|it| node::plan(&it)),
        Work::Machine(key) => machine::observe(view, key, now).map(|it| machine::plan(&it)),
        Work::Instance(key) => instance::observe(view, key, now).map(|it| instance::plan(&it)),
        Work::Claim(key) => claims::observe(view, key).map(|it| claims::plan(&it)),
        Work::Evacuation(key) => evacuation::observe(view, key).map(|it| evacuation::plan(&it)),
        Work::Migration(key) => migration::observe(view, key, now).map(|it| migration::plan(&it)),
    };
    plan.into_iter().collect()
}

/// What is to be done where a plan for `work` has failed because the server refuses `object`, in
/// these words; nothing where only those who run the cluster can do something about it.
pub fn refused(
    view: &impl View,
    work: &Work,
    object: &ObjectRef,
    words: &str,
    now: &Now,
) -> Option<Plan> {
    match (work, object.kind) {
        (Work::Machine(key), Kind::VirtualMachineInstance) => {
            machine::observe(view, key, now).map(|seen| machine::refused(&seen, words))
        }
        (_, _) => None,
    }
}

impl Work {
    /// What kind of work it is, in one word, for logs and figures.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Platform(_) => "platform",
            Self::Installation(_) => "installation",
            Self::Node(_) => "node",
            Self::Machine(_) => "machine",
            Self::Instance(_) => "instance",
            Self::Claim(_) => "claim",
            Self::Placement => "placement",
            Self::Queue => "queue",
            Self::Evacuation(_) => "evacuation",
            Self::Migration(_) => "migration",
        }
    }

    /// What it looks at; nothing where that is the whole cluster.
    pub const fn key(&self) -> Option<&Key> {
        match self {
            Self::Platform(key)
            | Self::Installation(key)
            | Self::Node(key)
            | Self::Machine(key)
            | Self::Instance(key)
            | Self::Claim(key)
            | Self::Evacuation(key)
            | Self::Migration(key) => Some(key),
            Self::Placement | Self::Queue => None,
        }
    }
}
