//! What a cluster tells of a migration: events, conditions, phases, times, metrics.
