//! A migration whose target pod looks for a node and starts there.

use ferry_api::kubevirt::MigrationPhase as Phase;

use super::step::Step;
use super::{Observed, timeouts};
use crate::pods;

/// Goes on when the target pod is ready; that its guest is not there yet does not matter.
pub(super) fn advance(seen: &Observed, step: &mut Step<'_>) {
    if seen.target_pod().is_some_and(pods::is_ready) {
        step.enter(Phase::Scheduled);
    }
    timeouts::check(seen, step);
}
