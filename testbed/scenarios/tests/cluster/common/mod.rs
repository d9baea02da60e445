//! What the scenarios share.

pub(crate) mod broken;
mod copies;

pub(crate) use copies::Copies;
