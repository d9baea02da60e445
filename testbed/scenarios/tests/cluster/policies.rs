//! Which policy a migration follows.
