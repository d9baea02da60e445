//! Nodes with guests that are played: what a node writes and orders, row by row, and that never two
//! copies of a guest run, whatever happens.

mod crossings;
mod daemons;
mod endings;
mod migrations;
mod presence;
mod processes;
mod starts;
mod world;
