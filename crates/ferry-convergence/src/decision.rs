//! What to do with a migration, and why.

use std::fmt;
use std::time::Duration;

use ferry_config::{CompletionLimit, ProgressTimeout};
use ferry_units::{Bytes, CompletionTimeout};

use crate::FailureReason;

/// What to do now, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to do.
    pub action: Action,
    /// Why.
    pub reason: Reason,
}

/// What to do with a migration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Nothing: let it go on as it does.
    Continue,
    /// Let the guest run at the target and fetch the rest of its memory from there.
    StartPostCopy,
    /// Pause the guest at the source, so that the rest can cross.
    PauseGuest,
    /// Cancel the migration and record why. The guest goes on at the source.
    Abort(FailureReason),
}

/// What the monitor knew when it decided. Prints as a sentence for logs and events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What settled it.
    pub cause: Cause,
    /// How long the migration has been running.
    pub elapsed: Duration,
    /// How long it may run in its present mode: doubled while the guest is paused.
    pub limit: CompletionLimit,
    /// How long ago it made progress last.
    pub standstill: Duration,
    /// How long it may go without.
    pub progress_timeout: ProgressTimeout,
    /// What remained to be sent at the latest count; `None` before the first.
    pub remaining: Option<Bytes>,
}

/// What settled a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The guest already runs at the target; the migration may take as long as it needs.
    PostCopy,
    /// It takes longer than it may.
    Overdue,
    /// It went without progress for longer than it may.
    Stuck,
    /// It is neither overdue nor stuck.
    WithinLimits,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continue => f.write_str("continue"),
            Self::StartPostCopy => f.write_str("start post-copy"),
            Self::PauseGuest => f.write_str("pause the guest"),
            Self::Abort(reason) => write!(f, "abort: {reason}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elapsed = Seconds(self.elapsed);
        match self.cause {
            Cause::PostCopy => write!(f, "in post-copy after {elapsed}, which no limit ends")?,
            Cause::Overdue => write!(f, "not completed after {elapsed} of at most {}", self.limit)?,
            Cause::Stuck => write!(f, "stuck after {elapsed}")?,
            Cause::WithinLimits => match self.limit.timeout() {
                CompletionTimeout::Never => write!(f, "running for {elapsed} without a limit")?,
                CompletionTimeout::After(limit) => {
                    write!(f, "running for {elapsed} of at most {limit} s")?;
                }
            },
        }
        match self.remaining {
            Some(remaining) => write!(f, " ({remaining} remains, ")?,
            None => write!(f, " (nothing is counted yet, ")?,
        }
        write!(f, "last progress {} ago", Seconds(self.standstill))?;
        match (self.cause, self.progress_timeout) {
            (Cause::Stuck, ProgressTimeout::After(limit)) => write!(f, " of at most {limit} s)"),
            (
                Cause::PostCopy | Cause::Overdue | Cause::Stuck | Cause::WithinLimits,
                ProgressTimeout::Disabled | ProgressTimeout::After(_),
            ) => f.write_str(")"),
        }
    }
}

/// A span as seconds with three decimals: a look every 400 ms needs no more, and fewer would print
/// a limit that was just passed as if it had just been reached.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0.as_secs(), self.0.subsec_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_config::{Semantics, TransferSize};
    use ferry_units::SecondsPerGiB;

    fn printed(cause: Cause, per_gib: i64, remaining: Option<Bytes>) -> String {
        let size = TransferSize { memory: Bytes::from_gib(1), disks: Bytes::ZERO };
        Reason {
            cause,
            elapsed: Duration::from_millis(301_200),
            limit: CompletionLimit::new(SecondsPerGiB::new(per_gib), size, Semantics::Documented),
            standstill: Duration::from_micros(150_400_900),
            progress_timeout: ProgressTimeout::After(150),
            remaining,
        }
        .to_string()
    }

    #[test]
    fn a_reason_reads_as_a_sentence_with_its_numbers() {
        let some = Some(Bytes::from_mib(1536));
        for (cause, per_gib, remaining, text) in [
            (
                Cause::WithinLimits,
                400,
                some,
                "running for 301.200 s of at most 400 s (1.5 GiB remains, last progress 150.400 s \
                 ago)",
            ),
            (
                Cause::WithinLimits,
                0,
                None,
                "running for 301.200 s without a limit (nothing is counted yet, last progress \
                 150.400 s ago)",
            ),
            (
                Cause::Overdue,
                300,
                some,
                "not completed after 301.200 s of at most 300 s (1.5 GiB remains, last progress \
                 150.400 s ago)",
            ),
            (
                Cause::Stuck,
                400,
                some,
                "stuck after 301.200 s (1.5 GiB remains, last progress 150.400 s ago of at most \
                 150 s)",
            ),
            (
                Cause::PostCopy,
                300,
                some,
                "in post-copy after 301.200 s, which no limit ends (1.5 GiB remains, last \
                 progress 150.400 s ago)",
            ),
        ] {
            assert_eq!(printed(cause, per_gib, remaining), text);
        }
    }

    #[test]
    fn an_action_reads_as_an_order() {
        for (action, text) in [
            (Action::Continue, "continue"),
            (Action::StartPostCopy, "start post-copy"),
            (Action::PauseGuest, "pause the guest"),
            (
                Action::Abort(FailureReason::Stuck { seconds: 151 }),
                "abort: Live migration stuck for 151 seconds and has been aborted",
            ),
        ] {
            assert_eq!(action.to_string(), text);
        }
    }
}
