//! What a journal promises, against a map and a list.

mod common;
mod damage;
mod model;
mod refusals;
mod size;
