//! Why a migration failed, in the words that users and their scripts know.

use std::fmt;

use ferry_units::ExactSeconds;

/// Why a migration failed (`vmi.status.migrationState.failureReason`).
///
/// The texts are those of KubeVirt 1.6 to 1.8; from 1.9 on it says `Live migration has been
/// aborted` for the first three.
///
/// ```
/// use ferry_convergence::FailureReason;
/// use ferry_units::ExactSeconds;
///
/// let reason = FailureReason::NotCompleted { acceptable: ExactSeconds::from_seconds(300) };
/// assert_eq!(
///     reason.to_string(),
///     "Live migration is not completed after 300 seconds and has been aborted"
/// );
/// ```
// PARITY: pkg/virt-launcher/virtwrap/live-migration-source.go#processInflightMigration
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FailureReason {
    /// It took longer than it may.
    NotCompleted {
        /// How long it might have taken: twice its timeout if the guest was paused.
        acceptable: ExactSeconds,
    },
    /// Its memory copy made no progress.
    Stuck {
        /// Whole seconds since the last progress.
        seconds: u64,
    },
    /// Somebody deleted the migration.
    AbortedByUser,
    /// The hypervisor reported an error.
    Hypervisor {
        /// What it said.
        error: String,
    },
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCompleted { acceptable } => write!(
                f,
                "Live migration is not completed after {acceptable} seconds and has been aborted"
            ),
            Self::Stuck { seconds } => {
                write!(f, "Live migration stuck for {seconds} seconds and has been aborted")
            }
            // PARITY: pkg/virt-launcher/virtwrap/live-migration-source.go#asyncMigrationAbort
            // A reason was meant to follow the blank; none ever does.
            Self::AbortedByUser => f.write_str("Live migration aborted "),
            // PARITY: pkg/virt-launcher/virtwrap/live-migration-source.go#startMonitor
            Self::Hypervisor { error } => write!(f, "Live migration failed {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_units::{Bytes, CompletionTimeout, SecondsPerGiB};

    #[test]
    fn parity_a14_every_cause_has_its_own_words() {
        for (reason, text) in [
            (
                FailureReason::NotCompleted { acceptable: ExactSeconds::from_seconds(1350) },
                "Live migration is not completed after 1350 seconds and has been aborted",
            ),
            (
                FailureReason::Stuck { seconds: 151 },
                "Live migration stuck for 151 seconds and has been aborted",
            ),
            (FailureReason::AbortedByUser, "Live migration aborted "),
            (
                FailureReason::Hypervisor { error: "operation failed: job canceled".to_owned() },
                "Live migration failed operation failed: job canceled",
            ),
        ] {
            assert_eq!(reason.to_string(), text);
        }
    }

    #[test]
    fn a_limit_that_is_no_whole_number_of_seconds_keeps_its_digits() {
        let timeout = SecondsPerGiB::new(150).per_gib_of(Bytes::from_mib(100));
        let CompletionTimeout::After(acceptable) = timeout else { panic!("{timeout:?}") };
        assert_eq!(
            FailureReason::NotCompleted { acceptable }.to_string(),
            "Live migration is not completed after 14.6484375 seconds and has been aborted"
        );
    }
}
