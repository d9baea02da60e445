//! Which waiting migrations may start now, and what each of the others waits for.
//!
//! The whole line is decided in one pass over one picture of the cluster, so two migrations can
//! never both see the last free slot. Who stands in line at all is [`Standing`]'s question; in
//! which order, and with which answer, is [`grant`]'s. Nothing here remembers an earlier pass.

mod grant;
mod migration;
mod standing;
mod verdict;

pub use grant::grant;
pub use migration::{Departure, GuestState, MigrationKey, Pending, Running, priority_weight};
pub use standing::{Role, Standing, TargetPod};
pub use verdict::{Decision, SlotUse, Verdict, WaitReason};
