//! What this crate refuses to understand.

use thiserror::Error;

/// A wire value that means nothing here. All of them are the mistake of whoever wrote the value,
/// never of this crate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SchedulerError {
    /// A migration's `status.phase` that KubeVirt does not know.
    #[error("unknown migration phase \"{given}\"")]
    UnknownPhase {
        /// The text.
        given: String,
    },
    /// `memoryOvercommit: 0`, by which no memory can be divided.
    #[error("a memory overcommit of 0 %: use 100 for guests to ask for all of their memory")]
    ZeroOvercommit,
}
