//! What is asked of machines and pods in a word: evict, start, migrate, pause.
//!
//! An action is no write of one object that a client sent. It looks at a few objects and comes to a
//! few writes and an answer. It runs inside the one writer, so nothing changes between the look and
//! the writes; where upstream patches carry tests against such changes, these need none.

mod evacuate;
mod evict;
mod lifecycle;
mod migrate;
mod options;
mod pause;
mod requests;

use ferry_api::kubevirt::{VirtualMachine, VirtualMachineInstance, VirtualMachineInstancePhase};
use ferry_api::{Kind, KindVersion, View};
use ferry_registry::{Refusal, Request, User};
use ferry_units::WallTime;

pub use options::{
    DeletionOptions, EvacuateCancelOptions, EvictionOptions, MigrateOptions, PauseOptions,
    Preconditions, RestartOptions, StartOptions, StopOptions, UnpauseOptions,
};

/// What an action is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `POST pods/NAME/eviction`.
    Evict(Subject, EvictionOptions),
    /// `PUT virtualmachines/NAME/start`.
    StartVm(Subject, StartOptions),
    /// `PUT virtualmachines/NAME/stop`.
    StopVm(Subject, StopOptions),
    /// `PUT virtualmachines/NAME/restart`.
    RestartVm(Subject, RestartOptions),
    /// `PUT virtualmachines/NAME/migrate`.
    MigrateVm(Subject, MigrateOptions),
    /// `PUT virtualmachines/NAME/evacuate/cancel`.
    CancelEvacuationOfVm(Subject, EvacuateCancelOptions),
    /// `PUT virtualmachineinstances/NAME/evacuate/cancel`.
    CancelEvacuation(Subject, EvacuateCancelOptions),
    /// `PUT virtualmachineinstances/NAME/pause`.
    PauseVmi(Subject, PauseOptions),
    /// `PUT virtualmachineinstances/NAME/unpause`.
    UnpauseVmi(Subject, UnpauseOptions),
}

/// What an action comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What is to be written, whatever the answer is: an eviction that is refused marks its
    /// instance.
    pub writes: Vec<Request>,
    /// What the client is told if the writes succeed.
    pub answer: Result<ActionAnswer, Refusal>,
}

/// What a client is told of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionAnswer {
    /// It will be done (202, without a body).
    Accepted,
    /// It was done, or there was nothing to do (200, without a body).
    Done,
    /// The pod goes (201, a `Status` of success).
    Evicted,
}

impl ActionAnswer {
    /// The HTTP status.
    pub const fn code(self) -> u16 {
        match self {
            Self::Accepted => 202,
            Self::Done => 200,
            Self::Evicted => 201,
        }
    }
}

impl Outcome {
    fn refused(refusal: Refusal) -> Self {
        Self { writes: Vec::new(), answer: Err(refusal) }
    }

    fn done(answer: ActionAnswer, writes: Vec<Request>) -> Self {
        Self { writes, answer: Ok(answer) }
    }
}

impl From<Result<Self, Refusal>> for Outcome {
    fn from(result: Result<Self, Refusal>) -> Self {
        result.unwrap_or_else(Self::refused)
    }
}

impl Action {
    /// What it is about.
    pub const fn subject(&self) -> &Subject {
        match self {
            Self::Evict(subject, _)
            | Self::StartVm(subject, _)
            | Self::StopVm(subject, _)
            | Self::RestartVm(subject, _)
            | Self::MigrateVm(subject, _)
            | Self::CancelEvacuationOfVm(subject, _)
            | Self::CancelEvacuation(subject, _)
            | Self::PauseVmi(subject, _)
            | Self::UnpauseVmi(subject, _) => subject,
        }
    }

    /// What the client is told where a write of this action is refused: upstream hands the refusals
    /// of an eviction on, and takes all others for faults of the server.
    // PARITY: pkg/virt-api/rest/lifecycle.go#MigrateVMRequestHandler
    #[must_use]
    pub fn map_refusal(&self, refusal: Refusal) -> Refusal {
        match self {
            Self::Evict(..) => refusal,
            Self::StartVm(..)
            | Self::StopVm(..)
            | Self::RestartVm(..)
            | Self::MigrateVm(..)
            | Self::CancelEvacuationOfVm(..)
            | Self::CancelEvacuation(..)
            | Self::PauseVmi(..)
            | Self::UnpauseVmi(..) => internal(refusal.to_string()),
        }
    }
}

/// What becomes of `action`, asked for by `user`.
pub fn act(action: &Action, user: &User, view: &impl View, now: WallTime) -> Outcome {
    let outcome = match action {
        Action::Evict(pod, options) => return evict::evict(pod, options, user, view, now),
        Action::StartVm(machine, options) => lifecycle::start(machine, options, view),
        Action::StopVm(machine, options) => lifecycle::stop(machine, options, view),
        Action::RestartVm(machine, options) => lifecycle::restart(machine, options, view),
        Action::MigrateVm(machine, options) => migrate::migrate(machine, options, view),
        Action::CancelEvacuationOfVm(machine, options) => {
            machine_of(machine, view).and_then(|_| evacuate::cancel(machine, options, view))
        }
        Action::CancelEvacuation(instance, options) => evacuate::cancel(instance, options, view),
        Action::PauseVmi(instance, options) => pause::pause(instance, options, view, now),
        Action::UnpauseVmi(instance, options) => pause::unpause(instance, options, view, now),
    };
    outcome.into()
}

fn machine_of(subject: &Subject, view: &impl View) -> Result<VirtualMachine, Refusal> {
    view.get(&subject.namespace, &subject.name)
        .ok_or_else(|| not_found(Kind::VirtualMachine, &subject.name))
}

fn instance_of(subject: &Subject, view: &impl View) -> Result<VirtualMachineInstance, Refusal> {
    view.get(&subject.namespace, &subject.name)
        .ok_or_else(|| not_found(Kind::VirtualMachineInstance, &subject.name))
}

fn phase(instance: &VirtualMachineInstance) -> VirtualMachineInstancePhase {
    let phase = instance.status.as_ref().and_then(|status| status.phase);
    phase.unwrap_or(VirtualMachineInstancePhase::Unset)
}

fn is_final(instance: &VirtualMachineInstance) -> bool {
    matches!(
        phase(instance),
        VirtualMachineInstancePhase::Succeeded | VirtualMachineInstancePhase::Failed
    )
}

fn not_found(kind: Kind, name: &str) -> Refusal {
    Refusal::NotFound { served: KindVersion::storage(kind), name: name.to_owned() }
}

fn conflict(kind: Kind, name: &str, message: impl Into<String>) -> Refusal {
    Refusal::Conflict {
        served: KindVersion::storage(kind),
        name: name.to_owned(),
        message: message.into(),
    }
}

// PARITY: apimachinery/pkg/api/errors/errors.go#NewInternalError
fn internal(message: impl std::fmt::Display) -> Refusal {
    Refusal::Internal { message: format!("Internal error occurred: {message}") }
}
