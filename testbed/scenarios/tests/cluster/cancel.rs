//! Migrations that are called off, in every phase.
