//! What the writer does without being asked, and when it stops trying.
//!
//! The registry says what is due ([`State::chores`]), and each of it is an ordinary write. One that is
//! refused stays due for as long as whatever refuses it is there, and trying again at once would
//! spin. So after a round in which nothing could be done there is no other one until something has
//! changed, or some time has passed.

use ferry_registry::{ObjectKey, Refusal, Request, Revision, State};
use ferry_units::WallTime;

/// How the chores get on.
#[derive(Debug, Default)]
pub(super) struct Chores {
    /// Where a round ended in which nothing could be done.
    stuck_at: Option<Revision>,
    /// What could not be done last, so that it is told once.
    told: Option<(ObjectKey, Refusal)>,
}

impl Chores {
    /// The next round; empty where there is nothing that might work.
    pub(super) fn due(&self, state: &State, now: WallTime) -> Vec<Request> {
        if self.stuck_at == Some(state.revision()) { Vec::new() } else { state.chores(now) }
    }

    /// A round is over that began at `before`.
    pub(super) fn after(&mut self, before: Revision, state: &State) {
        self.stuck_at = (state.revision() == before).then_some(before);
    }

    /// Some time has passed: what was stuck may be tried again.
    pub(super) fn tick(&mut self) {
        self.stuck_at = None;
    }

    /// One of the round cannot be done now.
    pub(super) fn refused(&mut self, request: &Request, refusal: Refusal) {
        let key = request.target.key();
        let told = Some((key, refusal));
        if self.told != told
            && let Some((key, refusal)) = &told
        {
            tracing::warn!(
                kind = %key.kind, namespace = key.namespace, name = key.name,
                "cannot clean up: {refusal}",
            );
        }
        self.told = told;
    }
}
