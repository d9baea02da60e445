//! Keep copying, switch to post-copy, pause, or give up.
//!
//! A guest that writes faster than the network carries never finishes migrating by itself. Every
//! 400 ms ([`Monitor::PERIOD`]) somebody looks at what remains and asks a [`Monitor`] what to do;
//! the monitor answers with an [`Action`] and with the [`Reason`] for it, and learns through
//! [`Monitor::carried_out`] that it was done. It is KubeVirt's monitor loop as a value: it has no
//! clock, sends nothing and logs nothing.
//!
//! ```text
//!             limit passed, both permissions
//!          ┌──────────────────────────────────► PostCopy ── never aborted, whatever it takes
//!          │
//!  PreCopy ┤  limit passed, disruption only
//!          ├──────────────────────────────────► Paused ──┐  the limit is doubled
//!          │                                             │
//!          │  stuck, or limit passed                     │  stuck, or doubled limit passed
//!          └─────────────────────► abort ◄───────────────┘
//! ```
//!
//! The permissions are `allowPostCopy` and `allowWorkloadDisruption`, the limit is the completion
//! timeout, and *stuck* is what `progressTimeout` says. An action that could not be carried out is
//! not reported, so the monitor still stands where it stood and asks for it again at the next look.
//!
//! ```
//! use ferry_config::{MigrationSettings, Permission, Semantics, TransferSize};
//! use ferry_convergence::{Action, Mode, Monitor, Sample, Terms};
//! use ferry_units::{Bytes, Instant, SecondsPerGiB};
//! use std::time::Duration;
//!
//! let settings = MigrationSettings {
//!     completion_timeout_per_gib: SecondsPerGiB::new(10),
//!     post_copy: Permission::Allowed,
//!     workload_disruption: Permission::Allowed,
//!     ..MigrationSettings::default()
//! };
//! let size = TransferSize { memory: Bytes::from_gib(4), disks: Bytes::ZERO };
//! let terms = Terms::new(&settings, size, Semantics::Documented);
//!
//! let start = Instant::default();
//! let mut monitor = Monitor::new(terms, start);
//! let busy = Sample { remaining: Some(Bytes::from_gib(1)) };
//!
//! let decision = monitor.observe(start + Duration::from_secs(40), &busy);
//! assert_eq!(decision.action, Action::Continue);
//!
//! let decision = monitor.observe(start + Duration::from_millis(40_400), &busy);
//! assert_eq!(decision.action, Action::StartPostCopy);
//! assert_eq!(
//!     decision.reason.to_string(),
//!     "not completed after 40.400 s of at most 40 s (1 GiB remains, last progress 0.400 s ago)"
//! );
//!
//! monitor.carried_out(&decision.action);
//! assert_eq!(monitor.mode(), Mode::PostCopy);
//! ```
//!
//! # What is left out
//!
//! KubeVirt 1.9 raises the allowed downtime instead of pausing a guest that has a VFIO device.
//! Ferry follows 1.6 to 1.8 and its guests have no such devices. KubeVirt's stall detector and
//! downtime tuning are alpha features of 1.9 and absent for the same reason.

mod decision;
mod failure;
mod mode;
mod monitor;
mod progress;

pub use decision::{Action, Cause, Decision, Reason};
pub use failure::FailureReason;
pub use mode::Mode;
pub use monitor::{Monitor, Sample, Terms};
