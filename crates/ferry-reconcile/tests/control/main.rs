//! The control plane on a registry, with nodes that are played: what each reconciler does, row by row,
//! and what holds whatever happens.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

mod causes;
mod claims;
mod cluster;
mod evacuations;
mod guests;
mod handoffs;
mod instances;
mod machines;
mod migrations;
mod nodes;
mod objects;
mod platforms;
mod queues;
mod world;
