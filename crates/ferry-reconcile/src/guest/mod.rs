//! The node's side: what becomes of the guests on a node, and what their node says of them.
//!
//! A node has [orders](Order) for whoever keeps its guests, beside actions on the API. Both follow
//! from the objects of the cluster and from the [reports](GuestReport) of the guests. What is looked
//! at is one pod at a time: each has one guest at most, and an instance is written by the node of the
//! pod that it is in.
//!
//! ```text
//!  View + reports ──observe──► Observed ──plan──► GuestPlan { api, orders }
//!      ▲                                            │       └──► the keeper of the guests
//!      └────────── the API server ◄─────────────────┘
//! ```
//!
//! # One copy
//!
//! Of a guest one copy runs, whatever breaks. An order that could make a second one is given only
//! after the API has what allows it:
//!
//! - A guest is started where the instance is `Scheduled`, on its node, in its pod, and never after it
//!   has been `Running`.
//! - It is sent away only after `startTimestamp` is in the API. That write fails where the controller
//!   has called the migration off, and the controller ends no migration that has it.
//! - It is never sent or started because of something that is *not* reported: a report may be on its
//!   way.
//! - A pod leaves the API only when its guest has ended, and an instance only when its pods have.
//!
//! Orders never depend on what the same plan writes.

mod arriving;
mod ending;
mod leaving;
mod machine;
mod order;
mod pod;
mod report;
mod role;
mod running;
mod spec;
mod starting;
mod step;

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use ferry_api::View;
use ferry_api::kubevirt::{
    MigrationState, VirtualMachineInstance, VirtualMachineInstanceMigration,
};
use ferry_units::WallTime;
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod};

use crate::objects::{all, is_managed_by, name, namespace, uid};
use crate::plan::Plan;
use crate::{Key, claims, instance, migration, pods};

pub use machine::{Board, Kernel, MachineKind, UnknownKind};
pub use order::{Disk, DiskPlace, GuestSpec, Listen, Migrate, Order, Stillness};
pub use report::{
    Arriving, GuestEnd, GuestReport, GuestState, Leaving, LeavingEnd, Listening, MigrationMode,
    MigrationReport,
};

use role::Role;
use step::Step;

/// The node that looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Here {
    /// Its name.
    pub node: String,
    /// Its address, which its pods and guests have as well.
    pub address: IpAddr,
    /// The networks that guests can move over and that it has an address on.
    pub networks: BTreeSet<String>,
}

/// What a node looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A pod on the node, and the guest in it.
    Pod(Key),
    /// A guest whose pod the cluster does not know, by the uid of the pod.
    Guest(String),
}

/// What there is to see of a subject.
#[derive(Clone, Debug)]
pub struct Observed(Seen);

#[derive(Clone, Debug)]
enum Seen {
    /// A pod.
    Placed(Box<Placed>),
    /// A guest without one.
    Orphan(GuestReport),
}

/// What there is to see of a pod.
#[derive(Clone, Debug)]
struct Placed {
    here: Here,
    now: WallTime,
    pod: Pod,
    report: Option<GuestReport>,
    /// The instance whose guest it is for.
    instance: Option<VirtualMachineInstance>,
    /// Whether the pod is the one on the node that counts, should there be several.
    is_current: bool,
    /// The claims that the instance names, as far as there is one.
    claims: BTreeMap<String, Option<PersistentVolumeClaim>>,
    /// The migrations of the instance.
    migrations: Vec<VirtualMachineInstanceMigration>,
    /// Whether the node that the instance goes to has been taken out of the cluster.
    is_target_lost: bool,
}

/// What is to be done about a pod and its guest.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct GuestPlan {
    /// In the API.
    pub api: Plan,
    /// With the guest. They need not wait for the API.
    pub orders: Vec<Order>,
}

/// Everything that a node has to look at.
pub fn subjects(view: &impl View, here: &Here, reports: &[GuestReport]) -> BTreeSet<Subject> {
    let mut pods: Vec<Pod> = all(view);
    pods.retain(|pod| pods::node(pod) == Some(here.node.as_str()));
    let known: BTreeSet<&str> = pods.iter().map(uid).collect();
    let lost = reports.iter().filter(|report| !known.contains(report.pod_uid.as_str()));
    let lost = lost.map(|report| Subject::Guest(report.pod_uid.clone()));
    pods.iter().map(|pod| Subject::Pod(Key::of(pod))).chain(lost).collect()
}

/// Looks at a subject; nothing where it is none of this node's any more.
pub fn observe(
    view: &impl View,
    here: &Here,
    reports: &[GuestReport],
    subject: &Subject,
    now: WallTime,
) -> Option<Observed> {
    let report_of = |uid: &str| reports.iter().find(|report| report.pod_uid == uid).cloned();
    let key = match subject {
        Subject::Guest(uid) => return Some(Observed(Seen::Orphan(report_of(uid)?))),
        Subject::Pod(key) => key,
    };
    let pod: Pod = view.get(&key.namespace, &key.name)?;
    if pods::node(&pod) != Some(here.node.as_str()) {
        return None;
    }
    let instance = instance_of(view, &pod);
    let claims = instance.iter().flat_map(claims::of);
    let claims =
        claims.map(|(_, claim)| (claim.to_owned(), view.get(&key.namespace, claim))).collect();
    let is_current = instance.as_ref().is_some_and(|instance| {
        let pods = pods::of_instance(view, &key.namespace, uid(instance));
        instance::facts::current_pod(instance, &pods).is_some_and(|it| uid(it) == uid(&pod))
    });
    let migrations = instance
        .as_ref()
        .map(|instance| migration::siblings(view, &key.namespace, name(instance)))
        .unwrap_or_default();
    let target = instance.as_ref().and_then(migration::state_of);
    let target = target.and_then(|state| state.target_node.as_deref());
    let is_target_lost = target.is_some_and(|node| view.get::<Node>("", node).is_none());
    Some(Observed(Seen::Placed(Box::new(Placed {
        here: here.clone(),
        now,
        report: report_of(uid(&pod)),
        pod,
        instance,
        is_current,
        claims,
        migrations,
        is_target_lost,
    }))))
}

/// The instance that a pod was made for. Another one of the same name is not it.
fn instance_of(view: &impl View, pod: &Pod) -> Option<VirtualMachineInstance> {
    let mut owners = pod.metadata.owner_references.iter().flatten();
    let owner = owners.find(|owner| owner.controller == Some(true))?;
    let instance: VirtualMachineInstance = view.get(namespace(pod), &owner.name)?;
    is_managed_by(pod, uid(&instance)).then_some(instance)
}

/// What is to be done about a subject.
pub fn plan(seen: &Observed) -> GuestPlan {
    let seen = match &seen.0 {
        Seen::Placed(placed) => placed,
        Seen::Orphan(report) => return ending::of_orphan(report),
    };
    let mut step = Step::new(seen);
    match seen.role() {
        Role::Begun => {}
        Role::Host(instance) => host(seen, instance, &mut step),
        Role::Awaiting(instance) => arriving::wait(seen, instance, &mut step),
        Role::Target(instance, state) => arriving::advance(seen, instance, state, &mut step),
        Role::Stray => ending::stray(seen, &mut step),
    }
    pod::keep(seen, &mut step);
    step.done()
}

/// The instance is on this node, in this pod.
fn host(seen: &Placed, instance: &VirtualMachineInstance, step: &mut Step<'_>) {
    match seen.state() {
        None => starting::advance(seen, instance, step),
        Some(GuestState::Starting | GuestState::Waiting) => ending::on_request(seen, step),
        Some(state @ (GuestState::Running | GuestState::Paused | GuestState::Held)) => {
            running::advance(seen, instance, state, step);
            leaving::advance(seen, instance, step);
            ending::given_up(seen, instance, state, step);
            ending::on_request(seen, step);
        }
        Some(GuestState::Ended(end)) => ending::told(seen, instance, end, step),
    }
}

impl Placed {
    fn state(&self) -> Option<&GuestState> {
        self.report.as_ref().map(|report| &report.state)
    }

    fn pod_uid(&self) -> String {
        uid(&self.pod).to_owned()
    }

    /// What is reported of a guest that leaves with this migration.
    fn leaving(&self, migration_uid: &str) -> Option<&Leaving> {
        match self.report.as_ref()?.migration.as_ref()? {
            MigrationReport::Leaving(it) => (it.migration_uid == migration_uid).then_some(it),
            MigrationReport::Arriving(_) => None,
        }
    }

    /// What is reported of a guest that comes with this migration.
    fn arriving(&self, migration_uid: &str) -> Option<&Arriving> {
        match self.report.as_ref()?.migration.as_ref()? {
            MigrationReport::Arriving(it) => (it.migration_uid == migration_uid).then_some(it),
            MigrationReport::Leaving(_) => None,
        }
    }

    /// The migration of that uid, if it is there.
    fn migration(&self, migration_uid: &str) -> Option<&VirtualMachineInstanceMigration> {
        self.migrations.iter().find(|it| uid(*it) == migration_uid)
    }
}

/// Whether the end of a migration has been written.
fn has_ended(state: &MigrationState) -> bool {
    state.completed == Some(true) || state.failed == Some(true)
}
