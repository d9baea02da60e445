//! What a pod is to its instance: everything else is asked only after this.

use ferry_api::kubevirt::{MigrationState, VirtualMachineInstance};

use super::{GuestEnd, Placed, has_ended};
use crate::instance::{facts, is_final};
use crate::objects::{label, name};
use crate::{migration, words};

/// What a pod is to its instance.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role<'a> {
    /// The instance will start in it, and is not this node's yet.
    Begun,
    /// The instance is in it.
    Host(&'a VirtualMachineInstance),
    /// The guest may come to it: the migration has not been handed to the nodes.
    Awaiting(&'a VirtualMachineInstance),
    /// The guest comes to it.
    Target(&'a VirtualMachineInstance, &'a MigrationState),
    /// Nothing of the instance may run in it.
    Stray,
}

impl Placed {
    pub(super) fn role(&self) -> Role<'_> {
        let Some(instance) = self.instance.as_ref().filter(|it| !is_final(it)) else {
            return Role::Stray;
        };
        let holder = facts::node(instance);
        if holder == Some(self.here.node.as_str()) && self.is_current {
            return Role::Host(instance);
        }
        let Some(migration) = label(&self.pod, words::MIGRATION_UID) else {
            return if holder.is_none() { Role::Begun } else { Role::Stray };
        };
        let state = migration::state_of(instance)
            .filter(|state| state.migration_uid.as_deref() == Some(migration));
        match state {
            Some(state) if !has_ended(state) && self.is_target_of(state) => {
                Role::Target(instance, state)
            }
            None if self.is_expected(migration) => Role::Awaiting(instance),
            Some(_) | None => Role::Stray,
        }
    }

    fn is_target_of(&self, state: &MigrationState) -> bool {
        state.target_node.as_deref() == Some(self.here.node.as_str())
            && state.target_pod.as_deref() == Some(name(&self.pod))
    }

    /// Whether why the guest did not come is for its source to say first: the migration that it was to
    /// come with had begun, and goes on as far as the control plane knows.
    pub(super) fn source_speaks(&self) -> bool {
        let Some(migration) = label(&self.pod, words::MIGRATION_UID) else { return false };
        let state = self.instance.as_ref().and_then(migration::state_of);
        let has_begun = state.is_some_and(|state| {
            state.migration_uid.as_deref() == Some(migration) && state.start_timestamp.is_some()
        });
        has_begun && self.is_expected(migration)
    }

    /// Whether a guest was to come here that has ended so, and nobody has called it off.
    pub(super) fn is_missed(&self, end: &GuestEnd) -> bool {
        let (GuestEnd::NeverCame { .. } | GuestEnd::NotStarted { .. }) = end else { return false };
        let Some(migration) = label(&self.pod, words::MIGRATION_UID) else { return false };
        let state = self.instance.as_ref().and_then(migration::state_of);
        let state = state.filter(|state| state.migration_uid.as_deref() == Some(migration));
        state.map_or_else(
            || self.is_expected(migration),
            |state| state.abort_requested != Some(true) && state.abort_status.is_none(),
        )
    }

    /// Whether the migration is under way.
    fn is_expected(&self, migration: &str) -> bool {
        self.migration(migration).is_some_and(|it| !migration::phase(it).is_final())
    }
}
