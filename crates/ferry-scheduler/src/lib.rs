//! Which node takes a guest, and which waiting migration may start.

mod error;
mod queue;

pub use error::SchedulerError;
pub use queue::{
    Decision, Departure, GuestState, MigrationKey, Pending, Phase, Priority, Role, Running,
    SlotUse, Standing, TargetPod, Verdict, WaitReason, grant,
};
