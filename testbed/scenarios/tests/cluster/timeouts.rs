//! Migrations that do not come to an end, or do not come on.
