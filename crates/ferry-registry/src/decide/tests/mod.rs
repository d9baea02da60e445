//! Each sentence about what a write means, as a test.

mod anything;
mod apply;
mod create;
mod creation;
mod defaults;
mod delete;
mod known_fields;
mod namespaces;
mod owners;
mod owning;
mod patch;
mod pods;
mod status;
mod untracked;
mod update;
mod versions;
