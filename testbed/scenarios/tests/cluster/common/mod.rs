//! What the scenarios share.

pub(crate) mod asking;
mod history;
mod moving;

pub(crate) use history::{Change, History};
pub(crate) use moving::{Machine, Migration, PLATFORM, configure, machine, policy, verified};
