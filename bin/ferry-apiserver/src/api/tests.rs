//! Handlers against a cluster in memory.
