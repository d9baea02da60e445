//! What is let in, by whom, and what becomes of what is asked for.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![allow(clippy::result_large_err, reason = "a refusal is rare and ends what it comes from")]

mod actions;
mod bootstrap;
mod common;
mod core_objects;
mod escalation;
mod events;
mod eviction;
mod gathered;
mod guests;
mod hostile;
mod instances;
mod lifecycle;
mod machines;
mod migrations;
mod node_instances;
mod node_routes;
mod nodes;
mod objects;
mod pods;
mod policies;
mod rbac;
mod rbac_index;
mod rbac_sentences;
mod registry;
mod services;
mod whole_guests;
