//! One step of a node while it is being thought out: what becomes of a pod, its guest and its
//! instance.

use ferry_api::kubevirt::{
    MigrationState, VirtualMachineInstance, VirtualMachineInstancePhase as Phase,
    VirtualMachineInstanceStatus,
};
use ferry_units::WallTime;
use k8s_openapi::api::core::v1::Pod;

use super::{GuestPlan, Order, Placed};
use crate::conditions::{self, Said};
use crate::instance::enter;
use crate::objects::{change, delete, reference};
use crate::plan::{Component, Event, Grace, Part, Plan};

/// One step.
pub(super) struct Step<'a> {
    seen: &'a Placed,
    /// The instance as it is to become.
    pub(super) instance: Option<VirtualMachineInstance>,
    /// The pod as it is to become.
    pub(super) pod: Pod,
    /// Whether the pod is done with, and goes.
    pub(super) is_done: bool,
    orders: Vec<Order>,
    events: Vec<Event>,
    /// The same, told with what is written of the pod.
    pod_events: Vec<Event>,
    revisit: Option<WallTime>,
}

impl<'a> Step<'a> {
    pub(super) fn new(seen: &'a Placed) -> Self {
        Self {
            seen,
            instance: seen.instance.clone(),
            pod: seen.pod.clone(),
            is_done: false,
            orders: Vec::new(),
            events: Vec::new(),
            pod_events: Vec::new(),
            revisit: None,
        }
    }

    pub(super) fn now(&self) -> WallTime {
        self.seen.now
    }

    pub(super) fn order(&mut self, order: Order) {
        self.orders.push(order);
    }

    /// Good news of the instance, told when what is written is written.
    pub(super) fn tell(&mut self, reason: &'static str, message: impl Into<String>) {
        if let Some(instance) = &self.instance {
            let event = Event::normal(reference(instance), reason, message);
            self.events.push(event.by(Component::Node));
        }
    }

    /// The same, told when what is written of the pod is written.
    pub(super) fn tell_with_pod(&mut self, reason: &'static str, message: impl Into<String>) {
        if let Some(instance) = &self.instance {
            let event = Event::normal(reference(instance), reason, message);
            self.pod_events.push(event.by(Component::Node));
        }
    }

    /// Bad news of it.
    pub(super) fn warn(&mut self, reason: &'static str, message: impl Into<String>) {
        if let Some(instance) = &self.instance {
            let event = Event::warning(reference(instance), reason, message);
            self.events.push(event.by(Component::Node));
        }
    }

    /// The same, told when what is written of the pod is written.
    pub(super) fn warn_with_pod(&mut self, reason: &'static str, message: impl Into<String>) {
        if let Some(instance) = &self.instance {
            let event = Event::warning(reference(instance), reason, message);
            self.pod_events.push(event.by(Component::Node));
        }
    }

    /// The status of the instance; of a step without one it is nobody's.
    pub(super) fn status(&mut self) -> Option<&mut VirtualMachineInstanceStatus> {
        self.instance.as_mut().map(|instance| instance.status.get_or_insert_default())
    }

    /// What the instance says of its migration.
    pub(super) fn migration(&mut self) -> Option<&mut MigrationState> {
        self.status()?.migration_state.as_mut()
    }

    pub(super) fn enter(&mut self, phase: Phase) {
        let now = self.now();
        if let Some(status) = self.status() {
            enter(status, phase, now);
        }
    }

    pub(super) fn say(&mut self, said: &Said) {
        let now = self.now();
        if let Some(status) = self.status() {
            conditions::set(&mut status.conditions, said, now);
        }
    }

    pub(super) fn unsay(&mut self, type_: &str) {
        if let Some(status) = self.status() {
            conditions::remove(&mut status.conditions, type_);
        }
    }

    pub(super) fn look_again(&mut self, time: WallTime) {
        self.revisit = Some(self.revisit.map_or(time, |other| other.min(time)));
    }

    /// The plan: the instance, then what is told of it, then the pod. A pod never says of a guest's
    /// end what its instance does not say.
    pub(super) fn done(self) -> GuestPlan {
        let Self { seen, instance, pod, is_done, orders, events, pod_events, revisit } = self;
        let mut plan = Plan { actions: Vec::new(), revisit };
        let written = seen.instance.as_ref().zip(instance.as_ref());
        if let Some(patch) = written.and_then(|(old, new)| change(Part::Main, old, new)) {
            plan.push(patch);
            plan.actions.extend(events.into_iter().map(Into::into));
        }
        if is_done {
            plan.push(delete(&seen.pod, Grace::None));
        } else if let Some(patch) = change(Part::Status, &seen.pod, &pod) {
            plan.push(patch);
            plan.actions.extend(pod_events.into_iter().map(Into::into));
        }
        GuestPlan { api: plan, orders }
    }
}
