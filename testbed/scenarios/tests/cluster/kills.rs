//! Processes that are killed at any moment, and what becomes of the guests.
