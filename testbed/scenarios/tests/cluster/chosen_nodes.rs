//! Migrations to nodes that somebody has chosen.
