//! What the scenarios share.

pub(crate) mod asking;
pub(crate) mod broken;
mod copies;
mod history;
mod moving;

pub(crate) use copies::Copies;
pub(crate) use history::{Change, History};
pub(crate) use moving::{Machine, Migration, PLATFORM, configure, machine, policy, verified};

/// Whether something came when it was due, in seconds. On a busy machine one hears of it late, and of
/// its beginning as well.
pub(crate) fn is_due(took: f64, expected: f64) -> bool {
    (expected - 1.0..=expected + 5.0).contains(&took)
}
