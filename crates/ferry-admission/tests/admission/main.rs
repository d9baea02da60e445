//! What is let in, by whom, and what becomes of what is asked for.

mod actions;
mod bootstrap;
mod common;
mod escalation;
mod eviction;
mod instances;
mod lifecycle;
mod machines;
mod migrations;
mod nodes;
mod objects;
mod policies;
mod rbac;
mod rbac_index;
mod rbac_sentences;
mod registry;
