//! Links that break at any moment, and what becomes of the guests.
