//! A guest moves from one process to another: every way that should work, and every way to fail.

mod bandwidth;
mod cancel;
mod chaos;
mod clients;
mod convergence;
mod cuts;
mod disks;
mod failures;
mod mismatch;
mod postcopy;
mod precopy;
mod recovery;
mod reports;
mod soak;
mod strangers;
mod switchover;
mod tls;
