//! The crate from the outside: against what real machines said, and against everything else.

mod chunks;
mod every_command;
mod hostile;
mod machine;
mod migration;
mod round_trip;
mod rules;
mod schema;
mod shapes;
mod transcript;
