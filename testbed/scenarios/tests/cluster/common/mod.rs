//! What the scenarios share.

mod history;
mod moving;

pub(crate) use history::{Change, History};
pub(crate) use moving::{Machine, PLATFORM, configure, machine, policy, verified};
