//! What the scenarios share.

pub(crate) mod asking;
pub(crate) mod broken;
mod copies;
mod history;
mod moving;

pub(crate) use copies::Copies;
pub(crate) use history::{Change, History};
pub(crate) use moving::{Machine, Migration, PLATFORM, configure, machine, policy, verified};
