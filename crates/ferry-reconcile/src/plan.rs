//! What a reconciler answers: what is to be done, in which order, and when to look again.
//!
//! An action is complete in itself. Whoever carries it out sends one request, or writes one event
//! or one number, and needs to understand neither migrations nor machines for that.
//!
//! # How a plan is carried out
//!
//! - One action after the other. The first that fails ends the plan: what is left follows from the
//!   next look.
//! - `409 AlreadyExists` of a create and `404 NotFound` of a delete are no failures: somebody has
//!   done it before. `409 Conflict` of a patch or a delete means that the look was too old.
//! - The next look sees what the plan has written. A client that reads from a cache puts the answers
//!   of the server into it, or waits until they have come.

use std::time::Duration;

use ferry_api::Kind;
use ferry_units::WallTime;
use serde_json::Value;

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Plan {
    /// What, in this order.
    pub actions: Vec<Action>,
    /// When to look again though nothing has changed.
    pub revisit: Option<WallTime>,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Makes an object.
    Create(Create),
    /// Changes an object, if it is still as it was seen.
    Patch(Patch),
    /// Puts a pod on a node (`pods/NAME/binding`).
    Bind(Bind),
    /// Ends an object, if it is still the same.
    Delete(Delete),
    /// Tells people what has happened.
    Event(Event),
    /// Counts.
    Metric(Metric),
}

/// The object that an action is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its kind, in the version that it is kept in.
    pub kind: Kind,
    /// Its namespace; empty for kinds of the whole cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid; empty where it is yet to be made.
    pub uid: String,
}

/// An object to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Create {
    /// Where. The name is always there, and always the same for the same purpose.
    pub object: ObjectRef,
    /// What, as it is sent.
    pub body: Value,
}

/// The part of an object that a patch is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The object's own path.
    Main,
    /// Its `status` subresource.
    Status,
}

/// A change of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// The object.
    pub object: ObjectRef,
    /// Where the patch is sent to.
    pub part: Part,
    /// A merge patch (RFC 7396). Its `metadata` holds the `uid` and the `resourceVersion` that were
    /// seen, so the server refuses it where the object is another or has changed.
    pub merge: Value,
}

/// A pod's node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// The pod.
    pub pod: ObjectRef,
    /// The node's name.
    pub node: String,
}

/// How long what is deleted may take to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// As long as it says itself.
    OfItsOwn,
    /// It is gone at once, whoever still holds on to it.
    None,
}

/// The end of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// The object; its uid is a precondition.
    pub object: ObjectRef,
    /// How long it may take.
    pub grace: Grace,
}

/// Whether an event is good news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// Something went as it should.
    Normal,
    /// Something did not.
    Warning,
}

/// Something that people should hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is about.
    pub about: ObjectRef,
    /// Good or bad.
    pub type_: EventType,
    /// In one word.
    pub reason: &'static str,
    /// In a sentence.
    pub message: String,
    /// Who says so (`reportingComponent`).
    pub component: Component,
}

/// The part of the control plane that speaks, with upstream's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// Machines, instances and migrations.
    Controller,
    /// The emptying of nodes.
    Evacuation,
    /// The scheduler of pods.
    Scheduler,
    /// The life of nodes.
    NodeLifecycle,
    /// HyperConverged.
    Platform,
    /// A node and its guests.
    Node,
}

/// Something to be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// `kubevirt_vmi_migration_phase_transition_time_from_creation_seconds`.
    MigrationPhase {
        /// The phase that was entered.
        phase: &'static str,
        /// Since the migration was created.
        since_creation: Duration,
    },
    /// `kubevirt_hco_out_of_band_modifications_total`.
    OutOfBandModification {
        /// The kind and name of the object that was changed, as upstream writes them.
        component_name: String,
    },
}

impl Plan {
    /// Nothing to do.
    pub const fn idle() -> Self {
        Self { actions: Vec::new(), revisit: None }
    }

    /// Whether nothing is to be done now.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Appends a step.
    pub(crate) fn push(&mut self, action: impl Into<Action>) {
        self.actions.push(action.into());
    }

    /// Asks for another look at `time` at the latest.
    pub(crate) fn look_again(&mut self, time: WallTime) {
        self.revisit = Some(self.revisit.map_or(time, |other| other.min(time)));
    }
}

impl EventType {
    /// As the API writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

impl Component {
    /// The name under which upstream reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Controller => "virtualmachine-controller",
            Self::Evacuation => "evacuation-controller",
            Self::Scheduler => "default-scheduler",
            Self::NodeLifecycle => "node-controller",
            Self::Platform => "kubevirt-hyperconverged",
            Self::Node => "virt-handler",
        }
    }
}

impl Event {
    /// Good news from the controller.
    pub(crate) fn normal(
        about: ObjectRef,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            about,
            type_: EventType::Normal,
            reason,
            message: message.into(),
            component: Component::Controller,
        }
    }

    /// Bad news from the controller.
    pub(crate) fn warning(
        about: ObjectRef,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { type_: EventType::Warning, ..Self::normal(about, reason, message) }
    }

    /// The same, said by another part.
    pub(crate) fn by(self, component: Component) -> Self {
        Self { component, ..self }
    }
}

macro_rules! actions {
    ($($name:ident),*) => {
        $(impl From<$name> for Action {
            fn from(action: $name) -> Self {
                Self::$name(action)
            }
        })*
    };
}

actions!(Create, Patch, Bind, Delete, Event, Metric);
